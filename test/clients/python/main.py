"""The main job from Python, with grpcio and what protoc makes of the published protos.

Takes CONNECTOR_SERVICE (host:port), CONNECTOR_TOKEN, CONNECTOR_SOURCE (a CreateConnectorRequest as
JSON) and CONNECTOR_RESOURCE (a table with the fields id, name, amount and region).
"""

import os
import uuid

import grpc
from connector.v1 import action_pb2, connector_pb2, filter_pb2, query_pb2, schema_pb2, stream_pb2
from connector.v1.service_pb2_grpc import ConnectorServiceStub
from connector.v1.value_pb2 import Row, Value
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

TIMEOUT_S = 30


def main() -> None:
    # Where the service has TLS: grpc.secure_channel(address, grpc.ssl_channel_credentials()).
    with grpc.insecure_channel(os.environ["CONNECTOR_SERVICE"]) as channel:
        service = ConnectorServiceStub(channel)
        metadata = [("authorization", "Bearer " + os.environ["CONNECTOR_TOKEN"])]
        options = {"metadata": metadata, "timeout": TIMEOUT_S}
        resource = os.environ["CONNECTOR_RESOURCE"]

        request = json_format.Parse(os.environ["CONNECTOR_SOURCE"], connector_pb2.CreateConnectorRequest())
        connector_id = service.CreateConnector(request, **options).connector.id
        print("created", request.name)

        test = service.TestConnector(connector_pb2.TestConnectorRequest(connector_id=connector_id), **options)
        print("test", "ok" if test.ok else [check.message for check in test.checks])

        wanted = schema_pb2.GetSchemaRequest(connector_id=connector_id, name_prefix=resource)
        described = service.GetSchema(wanted, **options).resources[0]
        print("schema", *(field.name for field in described.fields))

        query(service, options, connector_id, resource)
        stream(service, options, connector_id, resource)
        execute(service, options, connector_id, resource)
        refused(service, options, connector_id, resource)

        service.DeleteConnector(connector_pb2.DeleteConnectorRequest(connector_id=connector_id), **options)
        print("deleted")


def query(service, options, connector_id, resource) -> None:
    region = filter_pb2.Comparison(field="region", operator=filter_pb2.OPERATOR_EQ, values=[Value(string="eu")])
    request = query_pb2.QueryRequest(
        connector_id=connector_id,
        page_size=2,
        query=query_pb2.Query(
            resource=resource,
            fields=["id", "amount"],
            filter=filter_pb2.Filter(compare=region),
            order_by=[query_pb2.Order(field="id", descending=True)],
        ),
    )
    for _ in range(2):
        page = service.Query(request, **options)
        print("page", *(f"{row.values[0].int64}={row.values[1].text}" for row in page.rows))
        request.page_token = page.next_page_token


def stream(service, options, connector_id, resource) -> None:
    request = stream_pb2.StreamQueryRequest(
        connector_id=connector_id, query=query_pb2.Query(resource=resource), format=stream_pb2.FORMAT_VALUES
    )
    rows = 0
    trailer = None
    # Leaving the loop early and cancelling the call stops the statement at the source.
    for message in service.StreamQuery(request, **options):
        part = message.WhichOneof("part")
        if part == "values":
            rows += len(message.values.rows)
        elif part == "trailer":
            trailer = message.trailer
    # A stream without its trailer is not complete.
    if trailer is None or trailer.rows != rows:
        raise RuntimeError("The stream is not complete.")
    print("stream", rows, "rows, complete")


def execute(service, options, connector_id, resource) -> None:
    values = [Value(int64=20_001), Value(string="from Python"), Value(text="1.50"), Value(string="ch")]
    request = action_pb2.ExecuteRequest(
        connector_id=connector_id,
        create=action_pb2.CreateAction(
            resource=resource, fields=["id", "name", "amount", "region"], rows=[Row(values=values)]
        ),
        # The same call may be sent again: it has one effect.
        idempotency_key=str(uuid.uuid4()),
    )
    for _ in range(2):
        done = service.Execute(request, **options)
        print("execute", done.affected_rows, "row,", "replayed" if done.replayed else "done")


def refused(service, options, connector_id, resource) -> None:
    query = query_pb2.Query(resource=resource, fields=["amuont"])
    try:
        service.Query(query_pb2.QueryRequest(connector_id=connector_id, query=query), **options)
    except grpc.RpcError as error:
        info = error_info(error)
        print("refused", info.reason, "at", info.metadata["where"])


def error_info(error: grpc.RpcError) -> error_details_pb2.ErrorInfo:
    """The reason of a failed call, which travels in its trailing metadata."""
    info = error_details_pb2.ErrorInfo()
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                detail.Unpack(info)
    return info


main()
