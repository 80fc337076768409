// The main job from Go, with grpc-go and what buf makes of the published protos.
//
// Takes CONNECTOR_SERVICE (host:port), CONNECTOR_TOKEN, CONNECTOR_SOURCE (a CreateConnectorRequest as
// JSON) and CONNECTOR_RESOURCE (a table with the fields id, name, amount and region).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	connectorv1 "example.com/team/gen/connector/v1"
)

const timeout = 30 * time.Second

// job does its work on one connector.
type job struct {
	service     connectorv1.ConnectorServiceClient
	connectorID string
	resource    string
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	// Where the service has TLS: credentials.NewTLS(nil).
	conn, err := grpc.NewClient(os.Getenv("CONNECTOR_SERVICE"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("CONNECTOR_TOKEN"))

	j := job{service: connectorv1.NewConnectorServiceClient(conn), resource: os.Getenv("CONNECTOR_RESOURCE")}
	for _, step := range []func(context.Context) error{
		j.create, j.test, j.schema, j.query, j.stream, j.execute, j.refused, j.remove,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) create(ctx context.Context) error {
	request := &connectorv1.CreateConnectorRequest{}
	if err := protojson.Unmarshal([]byte(os.Getenv("CONNECTOR_SOURCE")), request); err != nil {
		return err
	}
	created, err := j.service.CreateConnector(ctx, request)
	if err != nil {
		return err
	}
	j.connectorID = created.Connector.Id
	fmt.Println("created", created.Connector.Name)
	return nil
}

func (j *job) test(ctx context.Context) error {
	tested, err := j.service.TestConnector(ctx, &connectorv1.TestConnectorRequest{ConnectorId: j.connectorID})
	if err != nil {
		return err
	}
	if !tested.Ok {
		return fmt.Errorf("the test fails: %v", tested.Checks)
	}
	fmt.Println("test ok")
	return nil
}

func (j *job) schema(ctx context.Context) error {
	request := &connectorv1.GetSchemaRequest{ConnectorId: j.connectorID, NamePrefix: j.resource}
	described, err := j.service.GetSchema(ctx, request)
	if err != nil {
		return err
	}
	line := "schema"
	for _, field := range described.Resources[0].Fields {
		line += " " + field.Name
	}
	fmt.Println(line)
	return nil
}

func (j *job) query(ctx context.Context) error {
	eu := &connectorv1.Comparison{
		Field:    "region",
		Operator: connectorv1.Operator_OPERATOR_EQ,
		Values:   []*connectorv1.Value{text("eu")},
	}
	request := &connectorv1.QueryRequest{
		ConnectorId: j.connectorID,
		PageSize:    2,
		Query: &connectorv1.Query{
			Source:  &connectorv1.Query_Resource{Resource: j.resource},
			Fields:  []string{"id", "amount"},
			Filter:  &connectorv1.Filter{Node: &connectorv1.Filter_Compare{Compare: eu}},
			OrderBy: []*connectorv1.Order{{Field: "id", Descending: true}},
		},
	}
	for range 2 {
		page, err := j.service.Query(ctx, request)
		if err != nil {
			return err
		}
		line := "page"
		for _, row := range page.Rows {
			line += fmt.Sprintf(" %d=%s", row.Values[0].GetInt64(), row.Values[1].GetText())
		}
		fmt.Println(line)
		request.PageToken = page.NextPageToken
	}
	return nil
}

func (j *job) stream(ctx context.Context) error {
	// Leaving the loop early and cancelling the context stops the statement at the source.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := j.service.StreamQuery(ctx, &connectorv1.StreamQueryRequest{
		ConnectorId: j.connectorID,
		Query:       &connectorv1.Query{Source: &connectorv1.Query_Resource{Resource: j.resource}},
		Format:      connectorv1.Format_FORMAT_VALUES,
	})
	if err != nil {
		return err
	}
	rows, complete := 0, false
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		rows += len(message.GetValues().GetRows())
		if trailer := message.GetTrailer(); trailer != nil {
			complete = trailer.Rows == int64(rows)
		}
	}
	// A stream without its trailer is not complete.
	if !complete {
		return errors.New("the stream is not complete")
	}
	fmt.Println("stream", rows, "rows, complete")
	return nil
}

func (j *job) execute(ctx context.Context) error {
	row := &connectorv1.Row{Values: []*connectorv1.Value{
		{Kind: &connectorv1.Value_Int64{Int64: 20_001}},
		text("from Go"),
		{Kind: &connectorv1.Value_Text{Text: "1.50"}},
		text("ch"),
	}}
	request := &connectorv1.ExecuteRequest{
		ConnectorId: j.connectorID,
		Action: &connectorv1.ExecuteRequest_Create{Create: &connectorv1.CreateAction{
			Resource: j.resource,
			Fields:   []string{"id", "name", "amount", "region"},
			Rows:     []*connectorv1.Row{row},
		}},
		// The same call may be sent again: it has one effect.
		IdempotencyKey: fmt.Sprintf("%s-%d", j.connectorID, time.Now().UnixNano()),
	}
	for range 2 {
		done, err := j.service.Execute(ctx, request)
		if err != nil {
			return err
		}
		how := "done"
		if done.Replayed {
			how = "replayed"
		}
		fmt.Println("execute", done.AffectedRows, "row,", how)
	}
	return nil
}

func (j *job) refused(ctx context.Context) error {
	_, err := j.service.Query(ctx, &connectorv1.QueryRequest{
		ConnectorId: j.connectorID,
		Query: &connectorv1.Query{
			Source: &connectorv1.Query_Resource{Resource: j.resource},
			Fields: []string{"amuont"},
		},
	})
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			fmt.Println("refused", info.Reason, "at", info.Metadata["where"])
		}
	}
	return nil
}

func (j *job) remove(ctx context.Context) error {
	_, err := j.service.DeleteConnector(ctx, &connectorv1.DeleteConnectorRequest{ConnectorId: j.connectorID})
	if err == nil {
		fmt.Println("deleted")
	}
	return err
}

func text(value string) *connectorv1.Value {
	return &connectorv1.Value{Kind: &connectorv1.Value_String_{String_: value}}
}
