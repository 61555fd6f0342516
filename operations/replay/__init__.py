"""The archive sent through the pipeline once more, and what that changes.

`archive` reads it page by page, `send` publishes it and can be resumed, `readings` says what differs from the
last time, `rejected` groups and shows what was refused; `progress` says whether one goes on; `rebuild`,
`building`, `ties` and `changes` serve a second database, and `cursor` keeps how far either has come.
"""
