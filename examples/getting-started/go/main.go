package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	ctx := context.Background()
	client, err := kgo.NewClient(
		kgo.SeedBrokers("127.0.0.1:9092"),
		kgo.AllowAutoTopicCreation(),
		kgo.ConsumerGroup("boards-go"),
		kgo.ConsumeTopics("flights"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		panic(err)
	}
	defer client.Close()

	record := &kgo.Record{Topic: "flights", Key: []byte("N14228"), Value: []byte("EWR-IAH")}
	if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
		panic(err)
	}

	fetches := client.PollFetches(ctx)
	fetches.EachRecord(func(r *kgo.Record) { fmt.Printf("%s %s\n", r.Key, r.Value) })
}
