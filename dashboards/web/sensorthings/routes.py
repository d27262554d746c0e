"""The addresses below /api/sensorthings/v1.1."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from dashboards.web.house import House, Seen
from dashboards.web.sensorthings import options
from dashboards.web.sensorthings.answers import Answers, NotThere
from dashboards.web.sensorthings.entities import Entities
from metering.instant import DAY


def router() -> APIRouter:
    """OGC SensorThings API 1.1, to be read only."""
    routes = APIRouter(prefix="/sensorthings/v1.1", tags=["SensorThings"])

    @routes.get("")
    async def service(house: Seen, request: Request) -> Response:
        """The entity sets, and which requirements of the standard are met."""
        return JSONResponse((await _answers(house, request)).service())

    @routes.get("/{path:path}", responses={400: {}, 404: {}, 501: {}})
    async def entities(house: Seen, request: Request, path: str) -> Response:
        """Entities by resource path, such as ``Things('school')/Datastreams``, with the query options $top, $skip,
        $count, $orderby, $select, $expand, and $filter with comparisons joined by ``and``.
        """
        answers = await _answers(house, request)
        try:
            found = await answers.at(path, options.read(request.query_params))
        except NotThere as error:
            return _refused(404, error)
        except options.WrongQuestion as error:
            return _refused(400, error)
        except options.NotOffered as error:
            return _refused(501, error)
        return PlainTextResponse(found) if isinstance(found, str) else JSONResponse(found)

    return routes


async def _answers(house: House, request: Request) -> Answers:
    entities = Entities(house.estate, await house.queries.devices(), house.language)
    return Answers(entities, house.queries.store, str(request.url_for("service")), house.clock.now_us() + DAY)


def _refused(code: int, error: Exception) -> Response:
    return JSONResponse({"code": code, "type": "error", "message": str(error.args[0])}, code)
