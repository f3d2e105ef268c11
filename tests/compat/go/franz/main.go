// Command franz runs the scenarios with franz-go. Usage and answers: tests/compat/README.md.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"moldau.invalid/compat/scenario"
)

func client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(scenario.Bootstrap)}, opts...)...)
}

func withAdmin(use func(*kadm.Client) error) error {
	c, err := client()
	if err != nil {
		return err
	}
	defer c.Close()
	return use(kadm.NewClient(c))
}

func newTopic(ctx context.Context, partitions int32, configs map[string]*string) (string, error) {
	name := scenario.Unique("franz")
	return name, withAdmin(func(admin *kadm.Client) error {
		made, err := admin.CreateTopic(ctx, partitions, 1, configs, name)
		// Apache Kafka answers before its broker knows the topic
		for known := false; err == nil && made.Err == nil && !known; {
			var listed kadm.TopicDetails
			listed, err = admin.ListTopics(ctx)
			known = listed.Has(name)
		}
		return errors.Join(err, made.Err)
	})
}

func send(ctx context.Context, records []*kgo.Record, opts ...kgo.Opt) error {
	c, err := client(opts...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.ProduceSync(ctx, records...).FirstErr()
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

func at(topic string, offset kgo.Offset) kgo.Opt {
	return kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: offset}})
}

func read(ctx context.Context, topic string, count int, opts ...kgo.Opt) ([]*kgo.Record, error) {
	c, err := client(append([]kgo.Opt{at(topic, kgo.NewOffset().AtStart())}, opts...)...)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return readFrom(ctx, c, count)
}

func numbered(topic string, count int, step time.Duration) []*kgo.Record {
	var records []*kgo.Record
	for n := range count {
		records = append(records, &kgo.Record{Topic: topic, Value: []byte(strconv.Itoa(n)), Timestamp: time.UnixMilli(scenario.BaseTime).Add(time.Duration(n) * step)})
	}
	return records
}

func compression(codec kgo.CompressionCodec) scenario.Func {
	return func(ctx context.Context) (scenario.Answer, error) {
		topic, err := newTopic(ctx, 1, nil)
		if err != nil {
			return nil, err
		}
		want := scenario.Records()
		var sent []*kgo.Record
		for _, r := range want {
			sent = append(sent, &kgo.Record{Topic: topic, Key: []byte(r.Key), Value: []byte(r.Value), Timestamp: time.UnixMilli(r.Timestamp)})
		}
		if err := send(ctx, sent, kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(10*time.Millisecond)); err != nil {
			return nil, err
		}
		got, err := read(ctx, topic, len(sent))
		if err != nil {
			return nil, err
		}
		for n, record := range got {
			if sent[n].Offset != int64(n) || record.Offset != int64(n) || string(record.Key) != want[n].Key || string(record.Value) != want[n].Value || record.Timestamp.UnixMilli() != want[n].Timestamp {
				return nil, fmt.Errorf("record %d came as %+v", n, record)
			}
		}
		return scenario.Answer{"first": got[0].Offset, "last": got[len(got)-1].Offset}, nil
	}
}

func nullAndEmpty(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, nil)
	if err != nil {
		return nil, err
	}
	err = send(ctx, []*kgo.Record{{Topic: topic}, {Topic: topic, Key: []byte{}, Value: []byte{}}, {Topic: topic, Key: []byte("k")}})
	if err != nil {
		return nil, err
	}
	got, err := read(ctx, topic, 3)
	if err != nil {
		return nil, err
	}
	var records [][]any
	for _, record := range got {
		records = append(records, []any{scenario.Text(record.Key), scenario.Text(record.Value)})
	}
	return scenario.Answer{"records": records}, nil
}

func large(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, map[string]*string{"max.message.bytes": kadm.StringPtr("5000000")})
	if err != nil {
		return nil, err
	}
	records := []*kgo.Record{{Topic: topic, Value: []byte("a")}, {Topic: topic, Value: bytes.Repeat([]byte("x"), 4_000_000)}, {Topic: topic, Value: []byte("b")}}
	if err := send(ctx, records, kgo.ProducerBatchMaxBytes(4_500_000), kgo.ProducerBatchCompression(kgo.NoCompression())); err != nil {
		return nil, err
	}
	got, err := read(ctx, topic, 3, kgo.FetchMaxBytes(100_000), kgo.FetchMaxPartitionBytes(100_000))
	if err != nil {
		return nil, err
	}
	var lengths []int
	for _, record := range got {
		lengths = append(lengths, len(record.Value))
	}
	return scenario.Answer{"lengths": lengths}, nil
}

func headers(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, nil)
	if err != nil {
		return nil, err
	}
	sent := []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "h"}, {Key: "e", Value: []byte{}}, {Key: "ü", Value: []byte("2")}}
	if err := send(ctx, []*kgo.Record{{Topic: topic, Headers: sent}}); err != nil {
		return nil, err
	}
	got, err := read(ctx, topic, 1)
	if err != nil {
		return nil, err
	}
	var all [][]any
	for _, header := range got[0].Headers {
		all = append(all, []any{header.Key, scenario.Text(header.Value)})
	}
	return scenario.Answer{"headers": all}, nil
}

func acks(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, nil)
	if err != nil {
		return nil, err
	}
	for _, level := range []struct {
		name string
		acks kgo.Acks
	}{{"all", kgo.AllISRAcks()}, {"1", kgo.LeaderAck()}, {"0", kgo.NoAck()}} {
		var records []*kgo.Record
		for range 10 {
			records = append(records, &kgo.Record{Topic: topic, Value: []byte(level.name)})
		}
		if err := send(ctx, records, kgo.RequiredAcks(level.acks), kgo.DisableIdempotentWrite()); err != nil {
			return nil, err
		}
	}
	got, err := read(ctx, topic, 30)
	counts := map[string]int{}
	for _, record := range got {
		counts[string(record.Value)]++
	}
	return scenario.Answer{"counts": counts}, err
}

func idempotence(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, nil)
	if err != nil {
		return nil, err
	}
	c, err := client(kgo.SeedBrokers(scenario.CutAddress), kgo.MetadataMinAge(50*time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	sent := numbered(topic, 300, 0)
	for n := 0; n < len(sent); n += 5 {
		if err := c.ProduceSync(ctx, sent[n:n+5]...).FirstErr(); err != nil {
			return nil, err
		}
	}
	got, err := read(ctx, topic, len(sent))
	if err != nil {
		return nil, err
	}
	for n, record := range got {
		if string(record.Value) != strconv.Itoa(n) {
			return nil, fmt.Errorf("record %d is %s", n, record.Value)
		}
	}
	var end int64
	err = withAdmin(func(admin *kadm.Client) error {
		found, err := admin.ListEndOffsets(ctx, topic)
		last, _ := found.Lookup(topic, 0)
		end = last.Offset
		return err
	})
	return scenario.Answer{"records": end, "in order": true}, err
}

func autoCreate(ctx context.Context) (scenario.Answer, error) {
	topic := scenario.Unique("made-by-use")
	if err := send(ctx, []*kgo.Record{{Topic: topic, Value: []byte("v")}}, kgo.AllowAutoTopicCreation()); err != nil {
		return nil, err
	}
	got, err := read(ctx, topic, 1)
	if err != nil {
		return nil, err
	}
	return scenario.Answer{"value": scenario.Text(got[0].Value)}, nil
}

func seekByTime(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, nil)
	if err != nil {
		return nil, err
	}
	if err := send(ctx, numbered(topic, 100, time.Second)); err != nil {
		return nil, err
	}
	answer := scenario.Answer{}
	err = withAdmin(func(admin *kadm.Client) error {
		for name, list := range map[string]func() (kadm.ListedOffsets, error){
			"at": func() (kadm.ListedOffsets, error) {
				return admin.ListOffsetsAfterMilli(ctx, scenario.BaseTime+41_500, topic)
			},
			"after the last": func() (kadm.ListedOffsets, error) {
				return admin.ListOffsetsAfterMilli(ctx, scenario.BaseTime+999_999, topic)
			},
			"first":  func() (kadm.ListedOffsets, error) { return admin.ListStartOffsets(ctx, topic) },
			"last":   func() (kadm.ListedOffsets, error) { return admin.ListEndOffsets(ctx, topic) },
			"newest": func() (kadm.ListedOffsets, error) { return admin.ListMaxTimestampOffsets(ctx, topic) },
		} {
			listed, err := list()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			found, _ := listed.Lookup(topic, 0)
			answer[name] = found.Offset
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c, err := client(at(topic, kgo.NewOffset().AfterMilli(scenario.BaseTime+41_500)))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	got, err := readFrom(ctx, c, 1)
	if err != nil {
		return nil, err
	}
	answer["read"] = scenario.Text(got[0].Value)
	return answer, nil
}

func ofGroup(group, topic string) []kgo.Opt {
	return []kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit()}
}

// resume commits 7 with a member of a group, and gives where the next one goes on.
func resume(ctx context.Context, topic, group string, opts ...kgo.Opt) (int64, error) {
	member := append(ofGroup(group, topic), opts...)
	first, err := client(member...)
	if err != nil {
		return 0, err
	}
	got, err := readFrom(ctx, first, 20)
	if err == nil {
		err = first.CommitRecords(ctx, got[6])
	}
	first.Close()
	if err != nil {
		return 0, err
	}
	second, err := client(member...)
	if err != nil {
		return 0, err
	}
	defer second.Close()
	if got, err = readFrom(ctx, second, 1); err != nil {
		return 0, err
	}
	return got[0].Offset, nil
}

func commitResume(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, nil)
	if err != nil {
		return nil, err
	}
	if err := send(ctx, numbered(topic, 20, 0)); err != nil {
		return nil, err
	}
	group := scenario.Unique("resume")
	resumed, err := resume(ctx, topic, group)
	if err != nil {
		return nil, err
	}
	answer := scenario.Answer{"resumed": resumed}
	return answer, withAdmin(func(admin *kadm.Client) error {
		committed, err := admin.FetchOffsets(ctx, group)
		found, _ := committed.Lookup(topic, 0)
		answer["committed"] = found.At
		return err
	})
}

func oldVersions(ctx context.Context) (scenario.Answer, error) {
	answer := scenario.Answer{}
	for name, versions := range map[string]*kversion.Versions{"0.11": kversion.V0_11_0(), "1.1": kversion.V1_1_0(), "2.4": kversion.V2_4_0(), "3.0": kversion.V3_0_0()} {
		topic, err := newTopic(ctx, 1, nil)
		if err != nil {
			return nil, err
		}
		old := []kgo.Opt{kgo.MaxVersions(versions), kgo.DisableIdempotentWrite()}
		if err := send(ctx, numbered(topic, 20, 0), old...); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		resumed, err := resume(ctx, topic, scenario.Unique("old"), old[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		answer[name] = resumed
	}
	return answer, nil
}

// code is the name of the broker's error.
func code(err error) string {
	var broker *kerr.Error
	if errors.As(err, &broker) {
		return broker.Message
	}
	return fmt.Sprint(err)
}

// listedOnce is the topic as it is listed once the condition holds, or after some seconds: a broker may hear of a change after it was answered.
func listedOnce(ctx context.Context, admin *kadm.Client, topic string, condition func(kadm.TopicDetail) bool) (kadm.TopicDetail, error) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		listed, err := admin.ListTopics(ctx, topic)
		if err != nil || condition(listed[topic]) || time.Now().After(end) {
			return listed[topic], err
		}
	}
}

func topics(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 2, nil)
	if err != nil {
		return nil, err
	}
	answer := scenario.Answer{}
	return answer, withAdmin(func(admin *kadm.Client) error {
		before, err := admin.ListTopics(ctx, topic)
		if err != nil {
			return err
		}
		if grown, err := admin.UpdatePartitions(ctx, 4, topic); err != nil || grown.Error() != nil {
			return errors.Join(err, grown.Error())
		}
		after, err := listedOnce(ctx, admin, topic, func(detail kadm.TopicDetail) bool { return len(detail.Partitions) != len(before[topic].Partitions) })
		if err != nil {
			return err
		}
		answer["partitions"] = []int{len(before[topic].Partitions), len(after.Partitions)}
		var refused []string
		for _, new := range []struct {
			name       string
			partitions int32
			replicas   int16
		}{{topic, 1, 1}, {"a b", 1, 1}, {scenario.Unique("r"), 1, 3}, {scenario.Unique("p"), 0, 1}} {
			made, err := admin.CreateTopic(ctx, new.partitions, new.replicas, nil, new.name)
			if err == nil {
				err = made.Err
			}
			refused = append(refused, code(err))
		}
		answer["errors"] = refused
		if deleted, err := admin.DeleteTopics(ctx, topic); err != nil || deleted.Error() != nil {
			return errors.Join(err, deleted.Error())
		}
		left, err := listedOnce(ctx, admin, topic, func(detail kadm.TopicDetail) bool { return detail.Err != nil })
		answer["there at the end"] = left.Err == nil
		return err
	})
}

func shownConfigs(ctx context.Context, admin *kadm.Client, topic string) (scenario.Answer, error) {
	shown, err := admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return nil, err
	}
	answer := scenario.Answer{}
	for _, config := range shown[0].Configs {
		if config.Key == "retention.ms" || config.Key == "segment.bytes" || config.Key == "cleanup.policy" {
			answer[config.Key] = []string{config.MaybeValue(), config.Source.String()}
		}
	}
	return answer, nil
}

func configs(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, map[string]*string{"retention.ms": kadm.StringPtr("100000")})
	if err != nil {
		return nil, err
	}
	answer := scenario.Answer{}
	return answer, withAdmin(func(admin *kadm.Client) error {
		if answer["before"], err = shownConfigs(ctx, admin, topic); err != nil {
			return err
		}
		changes := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("200000")}, {Op: kadm.AppendConfig, Name: "cleanup.policy", Value: kadm.StringPtr("compact")}}
		altered, err := admin.AlterTopicConfigs(ctx, changes, topic)
		if err != nil || altered[0].Err != nil {
			return errors.Join(err, altered[0].Err)
		}
		wrong, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("soon")}}, topic)
		if err != nil {
			return err
		}
		answer["error"] = code(wrong[0].Err)
		answer["after"], err = shownConfigs(ctx, admin, topic)
		return err
	})
}

func groups(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, nil)
	if err != nil {
		return nil, err
	}
	if err := send(ctx, numbered(topic, 1, 0)); err != nil {
		return nil, err
	}
	group := scenario.Unique("described")
	member, err := client(ofGroup(group, topic)...)
	if err != nil {
		return nil, err
	}
	got, err := readFrom(ctx, member, 1)
	if err == nil {
		err = member.CommitRecords(ctx, got...)
	}
	if err != nil {
		return nil, err
	}
	answer := scenario.Answer{}
	return answer, withAdmin(func(admin *kadm.Client) error {
		described, err := admin.DescribeGroups(ctx, group)
		if err != nil {
			return err
		}
		answer["state"], answer["assignor"], answer["members"] = described[group].State, described[group].Protocol, len(described[group].Members)
		listed, err := admin.ListGroups(ctx)
		if err != nil {
			return err
		}
		_, answer["listed"] = listed[group]
		deletion := func() string {
			deleted, err := admin.DeleteGroups(ctx, group)
			if err == nil {
				err = deleted.Error()
			}
			return code(err)
		}
		inUse := deletion()
		member.Close()
		answer["deletions"] = []string{inUse, deletion(), deletion()}
		return nil
	})
}

func deleteRecords(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, nil)
	if err != nil {
		return nil, err
	}
	if err := send(ctx, numbered(topic, 10, 0)); err != nil {
		return nil, err
	}
	answer := scenario.Answer{}
	return answer, withAdmin(func(admin *kadm.Client) error {
		var before kadm.Offsets
		before.AddOffset(topic, 0, 4, -1)
		if deleted, err := admin.DeleteRecords(ctx, before); err != nil || deleted.Error() != nil {
			return errors.Join(err, deleted.Error())
		}
		first, err := admin.ListStartOffsets(ctx, topic)
		if err != nil {
			return err
		}
		last, err := admin.ListEndOffsets(ctx, topic)
		from, _ := first.Lookup(topic, 0)
		to, _ := last.Lookup(topic, 0)
		answer["first"], answer["last"] = from.Offset, to.Offset
		return err
	})
}

func unknownTopic(ctx context.Context) (scenario.Answer, error) {
	topic := scenario.Unique("no")
	err := send(ctx, numbered(topic, 1, 0), kgo.UnknownTopicRetries(1))
	answer := scenario.Answer{"error": code(err)}
	return answer, withAdmin(func(admin *kadm.Client) error {
		there, err := admin.ListTopics(ctx)
		answer["made"] = there.Has(topic)
		return err
	})
}

func tooLarge(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, map[string]*string{"max.message.bytes": kadm.StringPtr("1000")})
	if err != nil {
		return nil, err
	}
	err = send(ctx, []*kgo.Record{{Topic: topic, Value: bytes.Repeat([]byte("x"), 5000)}}, kgo.ProducerBatchCompression(kgo.NoCompression()))
	return scenario.Answer{"error": code(err)}, nil
}

func staleCommit(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, nil)
	if err != nil {
		return nil, err
	}
	if err := send(ctx, numbered(topic, 5, 0)); err != nil {
		return nil, err
	}
	group := scenario.Unique("stale")
	member, err := client(ofGroup(group, topic)...)
	if err != nil {
		return nil, err
	}
	defer member.Close()
	got, err := readFrom(ctx, member, 5)
	if err == nil {
		err = member.CommitRecords(ctx, got[2])
	}
	if err != nil {
		return nil, err
	}
	id, generation := member.GroupMetadata()
	commit := func(id string, generation int32) (string, error) {
		request := kmsg.NewPtrOffsetCommitRequest()
		request.Group, request.MemberID, request.Generation = group, id, generation
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Offset = 1
		in := kmsg.NewOffsetCommitRequestTopic()
		in.Topic, in.Partitions = topic, []kmsg.OffsetCommitRequestTopicPartition{partition}
		request.Topics = []kmsg.OffsetCommitRequestTopic{in}
		// topic ids, from version 10 on, are not what this is about
		pinned, err := client(kgo.MaxVersions(kversion.V3_0_0()))
		if err != nil {
			return "", err
		}
		defer pinned.Close()
		response, err := request.RequestWith(ctx, pinned)
		if err != nil {
			return "", err
		}
		return code(kerr.ErrorForCode(response.Topics[0].Partitions[0].ErrorCode)), nil
	}
	old, err := commit(id, generation-1)
	if err != nil {
		return nil, err
	}
	stranger, err := commit("stranger", generation)
	if err != nil {
		return nil, err
	}
	answer := scenario.Answer{"errors": []string{old, stranger}}
	return answer, withAdmin(func(admin *kadm.Client) error {
		committed, err := admin.FetchOffsets(ctx, group)
		found, _ := committed.Lookup(topic, 0)
		answer["committed"] = found.At
		return err
	})
}

func transactionRefused(ctx context.Context) (scenario.Answer, error) {
	c, err := client(kgo.TransactionalID(scenario.Unique("t")))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_, _, err = c.ProducerID(ctx)
	if err == nil || kerr.IsRetriable(err) {
		return nil, fmt.Errorf("a transactional producer got %v", err)
	}
	return scenario.Answer{"error": code(err)}, nil
}

func member(ctx context.Context, topic, group, assignor, instance string) error {
	balancers := map[string]kgo.GroupBalancer{"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(), "sticky": kgo.StickyBalancer(), "cooperative-sticky": kgo.CooperativeStickyBalancer()}
	var assigned scenario.Assigned
	session := 6 * time.Second
	opts := ofGroup(group, topic)
	if instance != "" {
		session = 30 * time.Second
		opts = append(opts, kgo.InstanceID(instance))
	}
	lost := func(_ context.Context, _ *kgo.Client, topics map[string][]int32) { assigned.Remove(topics[topic]) }
	if assignor != "default" {
		opts = append(opts, kgo.Balancers(balancers[assignor]))
	}
	opts = append(opts, kgo.SessionTimeout(session), kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, topics map[string][]int32) { assigned.Add(topics[topic]) }),
		kgo.OnPartitionsRevoked(lost), kgo.OnPartitionsLost(lost))
	c, err := client(opts...)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		c.PollFetches(ctx)
	}
	c.Close()
	return nil
}

func main() {
	scenario.Main(func() {}, map[string]scenario.Func{
		"compression-none": compression(kgo.NoCompression()), "compression-gzip": compression(kgo.GzipCompression()), "compression-snappy": compression(kgo.SnappyCompression()),
		"compression-lz4": compression(kgo.Lz4Compression()), "compression-zstd": compression(kgo.ZstdCompression()),
		"null-and-empty": nullAndEmpty, "large": large, "headers": headers, "acks": acks, "idempotence": idempotence, "auto-create": autoCreate,
		"seek-by-time": seekByTime, "commit-resume": commitResume, "topics": topics, "configs": configs, "groups": groups, "delete-records": deleteRecords,
		"unknown-topic": unknownTopic, "too-large": tooLarge, "stale-commit": staleCommit, "old-versions": oldVersions, "transaction-refused": transactionRefused,
	}, member)
}
