// Command compat does with franz-go what its users do, against the server at the address given.
// Usage: compat BOOTSTRAP. Prints a line for each scenario and ends with "N passed, N failed".
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = 30 * time.Second

var (
	bootstrap string
	counter   int
)

func client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap)}, opts...)...)
}

func unique(what string) string {
	counter++
	return fmt.Sprintf("franz-%s-%d-%d", what, time.Now().UnixNano(), counter)
}

func newTopic(ctx context.Context, partitions int32, configs map[string]*string) (string, error) {
	c, err := client()
	if err != nil {
		return "", err
	}
	defer c.Close()
	name := unique("topic")
	resp, err := kadm.NewClient(c).CreateTopic(ctx, partitions, 1, configs, name)
	if err != nil {
		return "", err
	}
	return name, resp.Err
}

func send(ctx context.Context, records []*kgo.Record, opts ...kgo.Opt) error {
	c, err := client(opts...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.ProduceSync(ctx, records...).FirstErr()
}

func read(ctx context.Context, count int, opts ...kgo.Opt) ([]*kgo.Record, error) {
	c, err := client(opts...)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return readFrom(ctx, c, count)
}

func readFrom(ctx context.Context, c *kgo.Client, count int) ([]*kgo.Record, error) {
	var records []*kgo.Record
	for len(records) < count {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return nil, fmt.Errorf("%d of %d records came: %w", len(records), count, err)
		}
		for _, e := range fetches.Errors() {
			return nil, e.Err
		}
		records = append(records, fetches.Records()...)
	}
	return records, nil
}

func fromStart(topic string) kgo.Opt {
	return kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}})
}

func compressions(ctx context.Context) error {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	for name, codec := range codecs {
		topic, err := newTopic(ctx, 1, nil)
		if err != nil {
			return err
		}
		var sent []*kgo.Record
		for n := range 1000 {
			sent = append(sent, &kgo.Record{
				Topic: topic, Key: []byte(strconv.Itoa(n)), Value: bytes.Repeat([]byte(name), 50),
				Headers: []kgo.RecordHeader{{Key: "h", Value: []byte{1}}, {Key: "h"}}, Timestamp: time.UnixMilli(1_700_000_000_000 + int64(n)),
			})
		}
		if err := send(ctx, sent, kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(10*time.Millisecond)); err != nil {
			return err
		}
		got, err := read(ctx, len(sent), fromStart(topic))
		if err != nil {
			return err
		}
		for n, record := range got {
			want := sent[n]
			if record.Offset != int64(n) || !bytes.Equal(record.Key, want.Key) || !bytes.Equal(record.Value, want.Value) || !record.Timestamp.Equal(want.Timestamp) || len(record.Headers) != 2 {
				return fmt.Errorf("%s: record %d came as %+v", name, n, record)
			}
		}
	}
	return nil
}

func groupOfTwo(ctx context.Context) error {
	topic, err := newTopic(ctx, 4, nil)
	if err != nil {
		return err
	}
	group := unique("group")
	for _, balancer := range []kgo.GroupBalancer{kgo.CooperativeStickyBalancer(), kgo.RangeBalancer(), kgo.RoundRobinBalancer(), kgo.StickyBalancer()} {
		name := group + balancer.ProtocolName()
		var members []*kgo.Client
		for range 2 {
			c, err := client(kgo.ConsumerGroup(name), kgo.ConsumeTopics(topic), kgo.Balancers(balancer), kgo.HeartbeatInterval(300*time.Millisecond), kgo.SessionTimeout(6*time.Second))
			if err != nil {
				return err
			}
			defer c.Close()
			members = append(members, c)
		}
		if err := shareOut(ctx, members, name); err != nil {
			return fmt.Errorf("%s: %w", balancer.ProtocolName(), err)
		}
	}
	return nil
}

func shareOut(ctx context.Context, members []*kgo.Client, group string) error {
	admin := kadm.NewClient(members[0])
	for {
		for _, m := range members {
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			m.PollFetches(short)
			cancel()
		}
		described, err := admin.DescribeGroups(ctx, group)
		if err != nil {
			return err
		}
		var sizes []int
		for _, m := range described[group].Members {
			if a, ok := m.Assigned.AsConsumer(); ok {
				n := 0
				for _, t := range a.Topics {
					n += len(t.Partitions)
				}
				sizes = append(sizes, n)
			}
		}
		sort.Ints(sizes)
		if described[group].State == "Stable" && fmt.Sprint(sizes) == "[2 2]" {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the group is %s with %v", described[group].State, sizes)
		}
	}
}

func resume(ctx context.Context) error {
	topic, err := newTopic(ctx, 1, nil)
	if err != nil {
		return err
	}
	for n := range 10 {
		if err := send(ctx, []*kgo.Record{{Topic: topic, Value: []byte(strconv.Itoa(n))}}); err != nil {
			return err
		}
	}
	group := unique("resume")
	member := []kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit()}
	first, err := client(member...)
	if err != nil {
		return err
	}
	got, err := readFrom(ctx, first, 10)
	if err == nil {
		err = first.CommitRecords(ctx, got[5])
	}
	first.Close()
	if err != nil {
		return err
	}
	got, err = read(ctx, 4, member...)
	if err != nil {
		return err
	}
	if got[0].Offset != 6 {
		return fmt.Errorf("went on from %d, not 6", got[0].Offset)
	}
	return nil
}

func administration(ctx context.Context) error {
	c, err := client()
	if err != nil {
		return err
	}
	defer c.Close()
	admin := kadm.NewClient(c)
	topic, err := newTopic(ctx, 2, map[string]*string{"retention.ms": kadm.StringPtr("777")})
	if err != nil {
		return err
	}
	configs, err := admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return err
	}
	value := ""
	for _, config := range configs[0].Configs {
		if config.Key == "retention.ms" {
			value = config.MaybeValue()
		}
	}
	if value != "777" {
		return fmt.Errorf("retention.ms is %q", value)
	}
	altered, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: kadm.StringPtr("compact")}}, topic)
	if err != nil || altered[0].Err != nil {
		return errors.Join(err, altered[0].Err)
	}
	if grown, err := admin.UpdatePartitions(ctx, 4, topic); err != nil || grown.Error() != nil {
		return errors.Join(err, grown.Error())
	}
	details, err := admin.ListTopics(ctx, topic)
	if err != nil || len(details[topic].Partitions) != 4 {
		return fmt.Errorf("%d partitions: %w", len(details[topic].Partitions), err)
	}
	if deleted, err := admin.DeleteTopics(ctx, topic); err != nil || deleted.Error() != nil {
		return errors.Join(err, deleted.Error())
	}
	again, err := admin.CreateTopic(ctx, 1, 1, nil, "in valid")
	if !errors.Is(err, kerr.InvalidTopicException) && !errors.Is(again.Err, kerr.InvalidTopicException) {
		return fmt.Errorf("an invalid name gave %v", err)
	}
	return nil
}

func offsets(ctx context.Context) error {
	topic, err := newTopic(ctx, 1, nil)
	if err != nil {
		return err
	}
	var records []*kgo.Record
	for n := range 10 {
		records = append(records, &kgo.Record{Topic: topic, Value: []byte("x"), Timestamp: time.UnixMilli(1_700_000_000_000 + int64(n)*1000)})
	}
	if err := send(ctx, records); err != nil {
		return err
	}
	c, err := client()
	if err != nil {
		return err
	}
	defer c.Close()
	admin := kadm.NewClient(c)
	after, err := admin.ListOffsetsAfterMilli(ctx, 1_700_000_000_000+4500, topic)
	if err != nil {
		return err
	}
	if at, _ := after.Lookup(topic, 0); at.Offset != 5 {
		return fmt.Errorf("offset after 4.5 s is %d", at.Offset)
	}
	latest, err := admin.ListMaxTimestampOffsets(ctx, topic)
	if err != nil {
		return err
	}
	if at, _ := latest.Lookup(topic, 0); at.Offset != 9 {
		return fmt.Errorf("offset of the largest timestamp is %d", at.Offset)
	}
	return nil
}

func tooLarge(ctx context.Context) error {
	topic, err := newTopic(ctx, 1, map[string]*string{"max.message.bytes": kadm.StringPtr("1000")})
	if err != nil {
		return err
	}
	err = send(ctx, []*kgo.Record{{Topic: topic, Value: bytes.Repeat([]byte("x"), 5000)}}, kgo.ProducerBatchCompression(kgo.NoCompression()))
	if !errors.Is(err, kerr.MessageTooLarge) {
		return fmt.Errorf("a too large record gave %v", err)
	}
	return nil
}

func main() {
	bootstrap = os.Args[1]
	scenarios := []struct {
		name string
		run  func(context.Context) error
	}{
		{"each compression arrives unchanged in order", compressions},
		{"a group goes on from its committed offset", resume},
		{"two members share the partitions under each assignor", groupOfTwo},
		{"topics are administered", administration},
		{"offsets are found by time", offsets},
		{"a too large record is an error", tooLarge},
	}
	failed := 0
	for _, s := range scenarios {
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		err := s.run(ctx)
		cancel()
		if err != nil {
			failed++
			fmt.Printf("FAILED  %s: %s\n", s.name, strings.ReplaceAll(err.Error(), "\n", " "))
			continue
		}
		fmt.Printf("ok      %s\n", s.name)
	}
	fmt.Printf("%d passed, %d failed\n", len(scenarios)-failed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
