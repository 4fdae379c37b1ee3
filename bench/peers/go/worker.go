// usage: worker AMQPPORT QUEUE PREFETCH REDISPORT HTTPPORT
// Claim by SET NX, mail, status, ack: as a careful Go service does it, a goroutine a message, pipelined Redis, kept connections.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"

	"github.com/gomodule/redigo/redis"
	amqp "github.com/rabbitmq/amqp091-go"
)

const keepMs = 7 * 24 * 3600 * 1000

type request struct {
	command string
	args    []interface{}
	reply   chan interface{}
}

// pipeline sends what many goroutines ask for in few writes.
type pipeline struct {
	requests chan request
	sent     chan request
}

func newPipeline(conn redis.Conn) *pipeline {
	p := &pipeline{make(chan request, 1024), make(chan request, 4096)}
	go p.write(conn)
	go p.read(conn)
	return p
}

func (p *pipeline) write(conn redis.Conn) {
	for first := range p.requests {
		p.send(conn, first)
		for more := true; more; {
			select {
			case next := <-p.requests:
				p.send(conn, next)
			default:
				more = false
			}
		}
		if err := conn.Flush(); err != nil {
			log.Fatal(err)
		}
	}
}

func (p *pipeline) send(conn redis.Conn, r request) {
	if err := conn.Send(r.command, r.args...); err != nil {
		log.Fatal(err)
	}
	p.sent <- r
}

func (p *pipeline) read(conn redis.Conn) {
	for r := range p.sent {
		reply, err := conn.Receive()
		if err != nil {
			log.Fatal(err)
		}
		r.reply <- reply
	}
}

func (p *pipeline) do(command string, args ...interface{}) interface{} {
	r := request{command, args, make(chan interface{}, 1)}
	p.requests <- r
	return <-r.reply
}

type payload struct {
	OrderID       int64  `json:"order_id"`
	CustomerEmail string `json:"customer_email"`
	Title         string `json:"title"`
	To            string `json:"to"`
	Subject       string `json:"subject"`
	Text          string `json:"text"`
}

type mail struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

type worker struct {
	store  *pipeline
	client *http.Client
	url    string
}

func mailOf(kind string, p *payload) mail {
	if kind == "order.created.v1" {
		return mail{"Shop <shop@example.com>", p.CustomerEmail, "Order created: " + p.Title,
			fmt.Sprintf("Order %d was created.\n", p.OrderID)}
	}
	return mail{"Shop <shop@example.com>", p.To, p.Subject, p.Text}
}

func (w *worker) post(key string, m mail) string {
	body, _ := json.Marshal(m)
	r, _ := http.NewRequest("POST", w.url, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer re_bench")
	r.Header.Set("Idempotency-Key", key)
	response, err := w.client.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	answer, _ := io.ReadAll(response.Body)
	response.Body.Close()
	var sent struct{ ID string }
	if response.StatusCode != 200 || json.Unmarshal(answer, &sent) != nil {
		log.Fatalf("status %d", response.StatusCode)
	}
	return sent.ID
}

func (w *worker) handle(d amqp.Delivery) {
	var p payload
	if err := json.Unmarshal(d.Body, &p); err != nil {
		log.Fatal(err)
	}
	if w.store.do("SET", "go:job:{"+d.MessageId+"}", "running", "PX", keepMs, "NX") != nil {
		id := w.post(d.MessageId, mailOf(d.Type, &p))
		w.store.do("HSET", "go:status:{"+d.MessageId+"}", "state", "completed", "provider_id", id)
	}
	if err := d.Ack(false); err != nil {
		log.Fatal(err)
	}
}

func main() {
	amqpPort, queue, redisPort, httpPort := os.Args[1], os.Args[2], os.Args[4], os.Args[5]
	prefetch, _ := strconv.Atoi(os.Args[3])
	store, err := redis.Dial("tcp", "127.0.0.1:"+redisPort)
	if err != nil {
		log.Fatal(err)
	}
	connection, err := amqp.Dial("amqp://guest:guest@127.0.0.1:" + amqpPort + "/")
	if err != nil {
		log.Fatal(err)
	}
	channel, err := connection.Channel()
	if err != nil {
		log.Fatal(err)
	}
	if err := channel.Qos(prefetch, 0, false); err != nil {
		log.Fatal(err)
	}
	deliveries, err := channel.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		log.Fatal(err)
	}
	w := &worker{newPipeline(store), &http.Client{Transport: &http.Transport{MaxIdleConns: prefetch, MaxIdleConnsPerHost: prefetch}},
		"http://127.0.0.1:" + httpPort + "/emails"}
	for d := range deliveries {
		go w.handle(d)
	}
}
