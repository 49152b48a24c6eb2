"""What goes wrong: the service refuses a request or fails, or answers what this client does not know."""


class ApiError(Exception):
    """The service refused a request, or failed.

    Parameters
    ----------
    status : int
    code : str
        For programs, such as `image_undecodable`; empty where something in front of the service answered.
    detail : str
        What was received, what is accepted and what to do.
    param : str or None
        The field at fault.
    request_id : str
        What the service's log calls the request.
    """

    def __init__(self, status: int, code: str, detail: str, param: str | None, request_id: str) -> None:
        super().__init__(f"{status} {code}: {detail} (request {request_id})")
        self.status, self.code, self.detail = status, code, detail
        self.param, self.request_id = param, request_id
