"""The HTTP status of each ClickHouse exception, as its `exceptionCodeToHTTPStatus` has it."""

from __future__ import annotations

from http import HTTPStatus

_STATUS = {
    HTTPStatus.UNAUTHORIZED: (194,),
    HTTPStatus.FORBIDDEN: (192, 193, 497, 512, 516),
    HTTPStatus.BAD_REQUEST: (
        *(6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167),
        *(168, 223, 321, 376, 427, 441, 675, 676),
    ),
    HTTPStatus.NOT_FOUND: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (229,),
    HTTPStatus.NOT_IMPLEMENTED: (48,),
    HTTPStatus.SERVICE_UNAVAILABLE: (76, 209, 439),
    HTTPStatus.LENGTH_REQUIRED: (381,),
    HTTPStatus.REQUEST_TIMEOUT: (159,),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (779,),
}
_BY_CODE = {code: status for status, codes in _STATUS.items() for code in codes}


def http_status(code: int) -> HTTPStatus:
    """500 for a code without a status of its own."""
    return _BY_CODE.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)
