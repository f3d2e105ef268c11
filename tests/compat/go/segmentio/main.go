// Command segmentio runs the scenarios with segmentio/kafka-go. Usage and answers: tests/compat/README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"moldau.invalid/compat/scenario"
)

var client *kafka.Client

func newTopic(ctx context.Context, partitions int, configs ...kafka.ConfigEntry) (string, error) {
	topic := scenario.Unique("kafka-go")
	if err := create(ctx, kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}); err != nil {
		return "", err
	}
	// Apache Kafka answers before its broker knows the topic
	for {
		if count, err := partitionsOf(ctx, topic); count > 0 || err != nil {
			return topic, err
		}
	}
}

func create(ctx context.Context, topic kafka.TopicConfig) error {
	made, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{topic}})
	if err != nil {
		return err
	}
	return made.Errors[topic.Topic]
}

// partitionsOf gives 0 for a topic that is not there.
func partitionsOf(ctx context.Context, topic string) (int, error) {
	shown, err := client.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return 0, err
	}
	for _, one := range shown.Topics {
		if one.Name == topic {
			return len(one.Partitions), nil
		}
	}
	return 0, nil
}

func writer(topic string) *kafka.Writer {
	return &kafka.Writer{Addr: kafka.TCP(scenario.Bootstrap), Topic: topic, RequiredAcks: kafka.RequireAll, BatchTimeout: 10 * time.Millisecond, Transport: client.Transport}
}

func send(ctx context.Context, w *kafka.Writer, messages ...kafka.Message) error {
	return errors.Join(w.WriteMessages(ctx, messages...), w.Close())
}

func numbered(count int, step time.Duration) []kafka.Message {
	var messages []kafka.Message
	for n := range count {
		messages = append(messages, kafka.Message{Value: []byte(strconv.Itoa(n)), Time: time.UnixMilli(scenario.BaseTime).Add(time.Duration(n) * step)})
	}
	return messages
}

func readWith(ctx context.Context, reader *kafka.Reader, count int) ([]kafka.Message, error) {
	var got []kafka.Message
	for len(got) < count {
		one, err := reader.FetchMessage(ctx)
		if err != nil {
			return nil, fmt.Errorf("%d of %d records came: %w", len(got), count, err)
		}
		got = append(got, one)
	}
	return got, nil
}

func read(ctx context.Context, topic string, count int) ([]kafka.Message, error) {
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{scenario.Bootstrap}, Topic: topic, MaxWait: 500 * time.Millisecond})
	defer reader.Close()
	return readWith(ctx, reader, count)
}

func ends(ctx context.Context, topic string) (first, last int64, err error) {
	found, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0)}}})
	if err != nil {
		return 0, 0, err
	}
	one := found.Topics[topic][0]
	return one.FirstOffset, one.LastOffset, one.Error
}

// code is the name of the error that the broker gave.
func code(err error) string {
	var all kafka.WriteErrors
	if errors.As(err, &all) && len(all) > 0 {
		err = all[0]
	}
	var large kafka.MessageTooLargeError
	if errors.As(err, &large) {
		return "too large for the client"
	}
	var broker kafka.Error
	if errors.As(err, &broker) {
		return broker.Title()
	}
	return fmt.Sprint(err)
}

func compression(codec kafka.Compression) scenario.Func {
	return func(ctx context.Context) (scenario.Answer, error) {
		topic, err := newTopic(ctx, 1)
		if err != nil {
			return nil, err
		}
		want := scenario.Records()
		var sent []kafka.Message
		for _, r := range want {
			sent = append(sent, kafka.Message{Key: []byte(r.Key), Value: []byte(r.Value), Time: time.UnixMilli(r.Timestamp)})
		}
		w := writer(topic)
		w.Compression, w.BatchSize = codec, len(sent)
		if err := send(ctx, w, sent...); err != nil {
			return nil, err
		}
		got, err := read(ctx, topic, len(sent))
		if err != nil {
			return nil, err
		}
		for n, one := range got {
			if one.Offset != int64(n) || string(one.Key) != want[n].Key || string(one.Value) != want[n].Value || one.Time.UnixMilli() != want[n].Timestamp {
				return nil, fmt.Errorf("record %d came as %+v", n, one)
			}
		}
		return scenario.Answer{"first": got[0].Offset, "last": got[len(got)-1].Offset}, nil
	}
}

func nullAndEmpty(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1)
	if err != nil {
		return nil, err
	}
	if err := send(ctx, writer(topic), kafka.Message{}, kafka.Message{Key: []byte{}, Value: []byte{}}, kafka.Message{Key: []byte("k")}); err != nil {
		return nil, err
	}
	got, err := read(ctx, topic, 3)
	if err != nil {
		return nil, err
	}
	var records [][]any
	for _, one := range got {
		records = append(records, []any{scenario.Text(one.Key), scenario.Text(one.Value)})
	}
	return scenario.Answer{"records": records}, nil
}

func large(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, kafka.ConfigEntry{ConfigName: "max.message.bytes", ConfigValue: "5000000"})
	if err != nil {
		return nil, err
	}
	w := writer(topic)
	w.BatchBytes, w.BatchSize = 4_500_000, 1
	messages := []kafka.Message{{Value: make([]byte, 1)}, {Value: make([]byte, 4_000_000)}, {Value: make([]byte, 1)}}
	if err := send(ctx, w, messages...); err != nil {
		return nil, err
	}
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{scenario.Bootstrap}, Topic: topic, MinBytes: 1, MaxBytes: 100_000, MaxWait: 500 * time.Millisecond})
	defer reader.Close()
	got, err := readWith(ctx, reader, 3)
	if err != nil {
		return nil, err
	}
	var lengths []int
	for _, one := range got {
		lengths = append(lengths, len(one.Value))
	}
	return scenario.Answer{"lengths": lengths}, nil
}

func headers(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1)
	if err != nil {
		return nil, err
	}
	sent := []kafka.Header{{Key: "h", Value: []byte("1")}, {Key: "h"}, {Key: "e", Value: []byte{}}, {Key: "ü", Value: []byte("2")}}
	if err := send(ctx, writer(topic), kafka.Message{Value: []byte("v"), Headers: sent}); err != nil {
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
	topic, err := newTopic(ctx, 1)
	if err != nil {
		return nil, err
	}
	levels := map[string]kafka.RequiredAcks{"all": kafka.RequireAll, "1": kafka.RequireOne, "0": kafka.RequireNone}
	for _, name := range []string{"all", "1", "0"} {
		w := writer(topic)
		w.RequiredAcks = levels[name]
		var messages []kafka.Message
		for range 10 {
			messages = append(messages, kafka.Message{Value: []byte(name)})
		}
		if err := send(ctx, w, messages...); err != nil {
			return nil, err
		}
	}
	got, err := read(ctx, topic, 30)
	counts := map[string]int{}
	for _, one := range got {
		counts[string(one.Value)]++
	}
	return scenario.Answer{"counts": counts}, err
}

func autoCreate(ctx context.Context) (scenario.Answer, error) {
	topic := scenario.Unique("made-by-use")
	w := writer(topic)
	w.AllowAutoTopicCreation = true
	// Apache Kafka says first that the topic is not there
	for err := error(kafka.UnknownTopicOrPartition); err != nil; {
		if err = w.WriteMessages(ctx, kafka.Message{Value: []byte("v")}); err != nil && !errors.Is(err, kafka.UnknownTopicOrPartition) && !errors.Is(err, kafka.LeaderNotAvailable) {
			return nil, err
		}
	}
	got, err := read(ctx, topic, 1)
	if err != nil {
		return nil, err
	}
	return scenario.Answer{"value": scenario.Text(got[0].Value)}, w.Close()
}

func seekByTime(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1)
	if err != nil {
		return nil, err
	}
	w := writer(topic)
	w.BatchSize = 100
	if err := send(ctx, w, numbered(100, time.Second)...); err != nil {
		return nil, err
	}
	answer := scenario.Answer{}
	for name, millis := range map[string]int64{"at": 41_500, "after the last": 999_999} {
		found, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.TimeOffsetOf(0, time.UnixMilli(scenario.BaseTime+millis))}}})
		if err != nil {
			return nil, err
		}
		var offsets []int64
		for offset := range found.Topics[topic][0].Offsets {
			offsets = append(offsets, offset)
		}
		answer[name] = offsets
	}
	answer["first"], answer["last"], err = ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{scenario.Bootstrap}, Topic: topic})
	defer reader.Close()
	if err := reader.SetOffsetAt(ctx, time.UnixMilli(scenario.BaseTime+41_500)); err != nil {
		return nil, err
	}
	got, err := readWith(ctx, reader, 1)
	if err != nil {
		return nil, err
	}
	answer["read"] = scenario.Text(got[0].Value)
	return answer, nil
}

func inGroup(topic, group string) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{Brokers: []string{scenario.Bootstrap}, GroupID: group, Topic: topic, StartOffset: kafka.FirstOffset, MaxWait: 500 * time.Millisecond, SessionTimeout: 6 * time.Second, HeartbeatInterval: 500 * time.Millisecond})
}

func committed(ctx context.Context, topic, group string) (int64, error) {
	found, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {0}}})
	if err != nil {
		return 0, err
	}
	return found.Topics[topic][0].CommittedOffset, found.Error
}

func commitResume(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1)
	if err != nil {
		return nil, err
	}
	if err := send(ctx, writer(topic), numbered(20, 0)...); err != nil {
		return nil, err
	}
	group := scenario.Unique("resume")
	first := inGroup(topic, group)
	got, err := readWith(ctx, first, 20)
	if err == nil {
		err = first.CommitMessages(ctx, got[6])
	}
	if err = errors.Join(err, first.Close()); err != nil {
		return nil, err
	}
	at, err := committed(ctx, topic, group)
	if err != nil {
		return nil, err
	}
	second := inGroup(topic, group)
	defer second.Close()
	got, err = readWith(ctx, second, 1)
	if err != nil {
		return nil, err
	}
	return scenario.Answer{"committed": at, "resumed": got[0].Offset}, nil
}

func topics(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 2)
	if err != nil {
		return nil, err
	}
	grown, err := client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: 4}}})
	if err != nil || grown.Errors[topic] != nil {
		return nil, errors.Join(err, grown.Errors[topic])
	}
	for count := 0; count != 4; {
		if count, err = partitionsOf(ctx, topic); err != nil {
			return nil, err
		}
	}
	var refused []string
	for _, wrong := range []kafka.TopicConfig{{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}, {Topic: "a b", NumPartitions: 1, ReplicationFactor: 1},
		{Topic: scenario.Unique("r"), NumPartitions: 1, ReplicationFactor: 3}, {Topic: scenario.Unique("p"), NumPartitions: 0, ReplicationFactor: 1}} {
		refused = append(refused, code(create(ctx, wrong)))
	}
	deleted, err := client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil || deleted.Errors[topic] != nil {
		return nil, errors.Join(err, deleted.Errors[topic])
	}
	for count := 4; count != 0; {
		if count, err = partitionsOf(ctx, topic); err != nil {
			return nil, err
		}
	}
	return scenario.Answer{"errors": refused}, nil
}

func shownConfigs(ctx context.Context, topic string) (map[string][]string, error) {
	described, err := client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.ms", "segment.bytes", "cleanup.policy"}},
	}})
	if err != nil {
		return nil, err
	}
	shown := map[string][]string{}
	for _, entry := range described.Resources[0].ConfigEntries {
		shown[entry.ConfigName] = []string{entry.ConfigValue, fmt.Sprint(entry.ConfigSource)}
	}
	return shown, described.Resources[0].Error
}

func configs(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: "100000"})
	if err != nil {
		return nil, err
	}
	before, err := shownConfigs(ctx, topic)
	if err != nil {
		return nil, err
	}
	alter := func(changes ...kafka.IncrementalAlterConfigsRequestConfig) error {
		altered, err := client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{
			{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, Configs: changes},
		}})
		if err != nil {
			return err
		}
		return altered.Resources[0].Error
	}
	err = alter(kafka.IncrementalAlterConfigsRequestConfig{Name: "retention.ms", Value: "200000", ConfigOperation: kafka.ConfigOperationSet},
		kafka.IncrementalAlterConfigsRequestConfig{Name: "cleanup.policy", Value: "compact", ConfigOperation: kafka.ConfigOperationAppend})
	if err != nil {
		return nil, err
	}
	wrong := code(alter(kafka.IncrementalAlterConfigsRequestConfig{Name: "retention.ms", Value: "soon", ConfigOperation: kafka.ConfigOperationSet}))
	after := before
	for after["retention.ms"][0] != "200000" {
		if after, err = shownConfigs(ctx, topic); err != nil {
			return nil, err
		}
	}
	return scenario.Answer{"before": before, "after": after, "error": wrong}, nil
}

func groups(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1)
	if err != nil {
		return nil, err
	}
	if err := send(ctx, writer(topic), numbered(1, 0)...); err != nil {
		return nil, err
	}
	group := scenario.Unique("described")
	member := inGroup(topic, group)
	if got, err := readWith(ctx, member, 1); err != nil || member.CommitMessages(ctx, got...) != nil {
		return nil, fmt.Errorf("the member did not read and commit: %w", err)
	}
	described, err := client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
	if err != nil {
		return nil, err
	}
	all, err := client.ListGroups(ctx, &kafka.ListGroupsRequest{})
	if err != nil {
		return nil, err
	}
	listed := false
	for _, one := range all.Groups {
		listed = listed || one.GroupID == group
	}
	deletion := func() string {
		deleted, err := client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
		if err == nil {
			err = deleted.Errors[group]
		}
		return code(err)
	}
	deletions := []string{deletion()}
	if err := member.Close(); err != nil {
		return nil, err
	}
	deletions = append(deletions, deletion(), deletion())
	return scenario.Answer{"state": described.Groups[0].GroupState, "members": len(described.Groups[0].Members), "listed": listed, "deletions": deletions}, nil
}

func unknownTopic(ctx context.Context) (scenario.Answer, error) {
	topic := scenario.Unique("no")
	w := writer(topic)
	w.MaxAttempts = 2
	answer := scenario.Answer{"error": code(w.WriteMessages(ctx, numbered(1, 0)...))}
	count, err := partitionsOf(ctx, topic)
	answer["made"] = count > 0
	return answer, errors.Join(err, w.Close())
}

func tooLarge(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1, kafka.ConfigEntry{ConfigName: "max.message.bytes", ConfigValue: "1000"})
	if err != nil {
		return nil, err
	}
	return scenario.Answer{"error": code(send(ctx, writer(topic), kafka.Message{Value: make([]byte, 5000)}))}, nil
}

func staleCommit(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(ctx, 1)
	if err != nil {
		return nil, err
	}
	group := scenario.Unique("stale")
	membership, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: group, Brokers: []string{scenario.Bootstrap}, Topics: []string{topic}, HeartbeatInterval: 500 * time.Millisecond, SessionTimeout: 6 * time.Second})
	if err != nil {
		return nil, err
	}
	defer membership.Close()
	generation, err := membership.Next(ctx)
	if err != nil {
		return nil, err
	}
	if err := generation.CommitOffsets(map[string]map[int]int64{topic: {0: 3}}); err != nil {
		return nil, err
	}
	commit := func(member string, id int) (string, error) {
		answer, err := client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: group, GenerationID: id, MemberID: member, Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 0, Offset: 1}}}})
		if err != nil {
			return "", err
		}
		return code(answer.Topics[topic][0].Error), nil
	}
	old, err := commit(generation.MemberID, int(generation.ID)-1)
	if err != nil {
		return nil, err
	}
	stranger, err := commit("stranger", int(generation.ID))
	if err != nil {
		return nil, err
	}
	at, err := committed(ctx, topic, group)
	return scenario.Answer{"errors": []string{old, stranger}, "committed": at}, err
}

func transactionRefused(ctx context.Context) (scenario.Answer, error) {
	answer, err := client.InitProducerID(ctx, &kafka.InitProducerIDRequest{TransactionalID: scenario.Unique("t"), TransactionTimeoutMs: 10_000})
	if err == nil {
		err = answer.Error
	}
	if !errors.Is(err, kafka.TransactionalIDAuthorizationFailed) {
		return nil, fmt.Errorf("a transactional producer got %w", err)
	}
	return scenario.Answer{"error": code(err)}, nil
}

func member(ctx context.Context, topic, group, assignor, instance string) error {
	if instance != "" {
		return scenario.Unsupported("kafka-go has no static members")
	}
	config := kafka.ConsumerGroupConfig{ID: group, Brokers: []string{scenario.Bootstrap}, Topics: []string{topic}, HeartbeatInterval: 500 * time.Millisecond, SessionTimeout: 6 * time.Second, RebalanceTimeout: 10 * time.Second, JoinGroupBackoff: 200 * time.Millisecond}
	if assignor != "default" {
		balancer, has := map[string]kafka.GroupBalancer{"range": kafka.RangeGroupBalancer{}, "roundrobin": kafka.RoundRobinGroupBalancer{}}[assignor]
		if !has {
			return scenario.Unsupported("kafka-go has no sticky assignors")
		}
		config.GroupBalancers = []kafka.GroupBalancer{balancer}
	}
	membership, err := kafka.NewConsumerGroup(config)
	if err != nil {
		return err
	}
	var assigned scenario.Assigned
	for {
		generation, err := membership.Next(ctx)
		if ctx.Err() != nil {
			return membership.Close()
		}
		if err != nil {
			// the group is joined again, as the package's own reader does
			continue
		}
		var own []int32
		for _, partition := range generation.Assignments[topic] {
			own = append(own, int32(partition.ID))
		}
		assigned.Set(own)
		generation.Start(func(ctx context.Context) { <-ctx.Done() })
	}
}

func main() {
	idle := scenario.Cannot("kafka-go's producer is not idempotent")
	begin := func() {
		client = &kafka.Client{Addr: kafka.TCP(scenario.Bootstrap), Timeout: 30 * time.Second, Transport: &kafka.Transport{MetadataTTL: 200 * time.Millisecond}}
	}
	scenario.Main(begin, map[string]scenario.Func{
		"compression-none": compression(0), "compression-gzip": compression(kafka.Gzip), "compression-snappy": compression(kafka.Snappy), "compression-lz4": compression(kafka.Lz4), "compression-zstd": compression(kafka.Zstd),
		"null-and-empty": nullAndEmpty, "large": large, "headers": headers, "acks": acks, "idempotence": idle, "auto-create": autoCreate,
		"seek-by-time": seekByTime, "commit-resume": commitResume, "topics": topics, "configs": configs, "groups": groups,
		"delete-records": scenario.Cannot("kafka-go has no DeleteRecords"), "unknown-topic": unknownTopic, "too-large": tooLarge, "stale-commit": staleCommit,
		"old-versions": scenario.Cannot("kafka-go takes the versions that it and the server have; it cannot be held to older ones"), "transaction-refused": transactionRefused,
	}, member)
}
