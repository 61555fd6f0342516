"""The archive sent through the pipeline once more, and what that changes.

`archive` reads it page by page, `companions` finds what belongs to the same calls, `send` publishes it and
can be resumed, `rejected` groups and shows what was refused; `progress` says whether one goes on;
`building`, `ties` and `changes` serve a second database, and `cursor` keeps how far either has come.
"""
