// Publishes one order to leveret with amqp091-go. usage: go run . ORDER_ID, the broker in AMQP_URL
// Once before: go mod init example && go get github.com/rabbitmq/amqp091-go; or Debian's golang-github-rabbitmq-amqp091-go-dev
// with GO111MODULE=off GOPATH=/usr/share/gocode
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func main() {
	connection, err := amqp.Dial(os.Getenv("AMQP_URL"))
	check(err)
	defer connection.Close()
	channel, err := connection.Channel()
	check(err)
	check(channel.Confirm(false))
	confirms := channel.NotifyPublish(make(chan amqp.Confirmation, 1))
	returns := channel.NotifyReturn(make(chan amqp.Return, 1))

	orderID, random := os.Args[1], make([]byte, 40)
	_, err = rand.Read(random)
	check(err)
	trace := fmt.Sprintf("00-%x-%x-01", random[:16], random[16:24]) // in a service: that of the present request
	message := amqp.Publishing{
		MessageId: fmt.Sprintf("%x", random[24:]), // the idempotency key: after an error publish again with the same one
		Type:      "order.created.v1", ContentType: "application/json", DeliveryMode: amqp.Persistent,
		Timestamp: time.Now(), AppId: "shop", Headers: amqp.Table{"subject": "order/" + orderID, "traceparent": trace},
		Body: []byte(`{"order_id": ` + orderID + `, "customer_email": "ada@example.com", "title": "A hare"}`),
	}
	mandatory, immediate := true, false
	check(channel.PublishWithContext(context.Background(), "leveret.in", message.Type, mandatory, immediate, message))
	if confirm := <-confirms; !confirm.Ack { // also when the channel was closed
		log.Fatal("the broker has not taken the message")
	}
	select { // what no queue wanted comes back before its confirm
	case returned := <-returns:
		log.Fatal("no queue for ", returned.RoutingKey)
	default:
		fmt.Println(message.MessageId)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
