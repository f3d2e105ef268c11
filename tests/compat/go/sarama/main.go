// Command sarama runs the scenarios with sarama. Usage and answers: tests/compat/README.md.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"moldau.invalid/compat/scenario"
)

type message = sarama.ProducerMessage

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Group.Session.Timeout = 6 * time.Second
	c.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.Retry.Backoff = 100 * time.Millisecond
	return c
}

func withAdmin(use func(sarama.ClusterAdmin) error) error {
	admin, err := sarama.NewClusterAdmin([]string{scenario.Bootstrap}, config())
	if err != nil {
		return err
	}
	defer admin.Close()
	return use(admin)
}

func text(s string) *string { return &s }

func newTopic(partitions int32, configs map[string]*string) (string, error) {
	name := scenario.Unique("sarama")
	return name, withAdmin(func(admin sarama.ClusterAdmin) error {
		if err := admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}, false); err != nil {
			return err
		}
		// Apache Kafka answers before its broker knows the topic
		for {
			listed, err := admin.ListTopics()
			if _, known := listed[name]; known || err != nil {
				return err
			}
		}
	})
}

func send(c *sarama.Config, address string, messages ...*message) error {
	producer, err := sarama.NewSyncProducer([]string{address}, c)
	if err != nil {
		return err
	}
	defer producer.Close()
	return producer.SendMessages(messages)
}

func numbered(topic string, count int, step time.Duration) []*message {
	var messages []*message
	for n := range count {
		messages = append(messages, &message{Topic: topic, Value: sarama.StringEncoder(strconv.Itoa(n)), Timestamp: time.UnixMilli(scenario.BaseTime).Add(time.Duration(n) * step)})
	}
	return messages
}

func read(ctx context.Context, c *sarama.Config, topic string, offset int64, count int) ([]*sarama.ConsumerMessage, error) {
	consumer, err := sarama.NewConsumer([]string{scenario.Bootstrap}, c)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(topic, 0, offset)
	if err != nil {
		return nil, err
	}
	defer partition.Close()
	var got []*sarama.ConsumerMessage
	for len(got) < count {
		select {
		case one := <-partition.Messages():
			got = append(got, one)
		case <-ctx.Done():
			return nil, fmt.Errorf("only %d of %d records came", len(got), count)
		}
	}
	return got, nil
}

func offset(topic string, at int64) (int64, error) {
	client, err := sarama.NewClient([]string{scenario.Bootstrap}, config())
	if err != nil {
		return 0, err
	}
	defer client.Close()
	return client.GetOffset(topic, 0, at)
}

// code is the name of the error that the broker gave.
func code(err error) string {
	var all sarama.ProducerErrors
	if errors.As(err, &all) && len(all) > 0 {
		err = all[0].Err
	}
	var broker sarama.KError
	if errors.As(err, &broker) {
		return broker.Error()
	}
	return fmt.Sprint(err)
}

func compression(codec sarama.CompressionCodec) scenario.Func {
	return func(ctx context.Context) (scenario.Answer, error) {
		topic, err := newTopic(1, nil)
		if err != nil {
			return nil, err
		}
		want := scenario.Records()
		var sent []*message
		for _, r := range want {
			sent = append(sent, &message{Topic: topic, Key: sarama.StringEncoder(r.Key), Value: sarama.StringEncoder(r.Value), Timestamp: time.UnixMilli(r.Timestamp)})
		}
		c := config()
		c.Producer.Compression = codec
		if err := send(c, scenario.Bootstrap, sent...); err != nil {
			return nil, err
		}
		got, err := read(ctx, c, topic, sarama.OffsetOldest, len(sent))
		if err != nil {
			return nil, err
		}
		for n, one := range got {
			if sent[n].Offset != int64(n) || one.Offset != int64(n) || string(one.Key) != want[n].Key || string(one.Value) != want[n].Value || one.Timestamp.UnixMilli() != want[n].Timestamp {
				return nil, fmt.Errorf("record %d came as %+v", n, one)
			}
		}
		return scenario.Answer{"first": got[0].Offset, "last": got[len(got)-1].Offset}, nil
	}
}

func nullAndEmpty(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(1, nil)
	if err != nil {
		return nil, err
	}
	err = send(config(), scenario.Bootstrap, &message{Topic: topic}, &message{Topic: topic, Key: sarama.ByteEncoder{}, Value: sarama.ByteEncoder{}}, &message{Topic: topic, Key: sarama.StringEncoder("k")})
	if err != nil {
		return nil, err
	}
	got, err := read(ctx, config(), topic, sarama.OffsetOldest, 3)
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
	topic, err := newTopic(1, map[string]*string{"max.message.bytes": text("5000000")})
	if err != nil {
		return nil, err
	}
	c := config()
	c.Producer.MaxMessageBytes = 4_500_000
	c.Consumer.Fetch.Default = 100_000
	for _, length := range []int{1, 4_000_000, 1} {
		if err := send(c, scenario.Bootstrap, &message{Topic: topic, Value: sarama.ByteEncoder(bytes.Repeat([]byte("x"), length))}); err != nil {
			return nil, err
		}
	}
	got, err := read(ctx, c, topic, sarama.OffsetOldest, 3)
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
	topic, err := newTopic(1, nil)
	if err != nil {
		return nil, err
	}
	sent := []sarama.RecordHeader{{Key: []byte("h"), Value: []byte("1")}, {Key: []byte("h")}, {Key: []byte("e"), Value: []byte{}}, {Key: []byte("ü"), Value: []byte("2")}}
	if err := send(config(), scenario.Bootstrap, &message{Topic: topic, Headers: sent}); err != nil {
		return nil, err
	}
	got, err := read(ctx, config(), topic, sarama.OffsetOldest, 1)
	if err != nil {
		return nil, err
	}
	var all [][]any
	for _, header := range got[0].Headers {
		all = append(all, []any{string(header.Key), scenario.Text(header.Value)})
	}
	return scenario.Answer{"headers": all}, nil
}

func acks(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(1, nil)
	if err != nil {
		return nil, err
	}
	levels := map[string]sarama.RequiredAcks{"all": sarama.WaitForAll, "1": sarama.WaitForLocal, "0": sarama.NoResponse}
	for _, name := range []string{"all", "1", "0"} {
		c := config()
		c.Producer.RequiredAcks = levels[name]
		var messages []*message
		for range 10 {
			messages = append(messages, &message{Topic: topic, Value: sarama.StringEncoder(name)})
		}
		if err := send(c, scenario.Bootstrap, messages...); err != nil {
			return nil, err
		}
	}
	got, err := read(ctx, config(), topic, sarama.OffsetOldest, 30)
	counts := map[string]int{}
	for _, one := range got {
		counts[string(one.Value)]++
	}
	return scenario.Answer{"counts": counts}, err
}

func idempotence(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(1, nil)
	if err != nil {
		return nil, err
	}
	c := config()
	c.Producer.Idempotent = true
	c.Producer.Retry.Max = 100
	c.Producer.Retry.Backoff = 20 * time.Millisecond
	c.Net.MaxOpenRequests = 1
	producer, err := sarama.NewSyncProducer([]string{scenario.CutAddress}, c)
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	sent := numbered(topic, 150, 0)
	for n := 0; n < len(sent); n += 5 {
		if err := producer.SendMessages(sent[n : n+5]); err != nil {
			return nil, err
		}
	}
	got, err := read(ctx, config(), topic, sarama.OffsetOldest, len(sent))
	if err != nil {
		return nil, err
	}
	for n, one := range got {
		if string(one.Value) != strconv.Itoa(n) {
			return nil, fmt.Errorf("record %d is %s", n, one.Value)
		}
	}
	end, err := offset(topic, sarama.OffsetNewest)
	return scenario.Answer{"records": end, "in order": true}, err
}

func autoCreate(ctx context.Context) (scenario.Answer, error) {
	topic := scenario.Unique("made-by-use")
	c := config()
	c.Metadata.AllowAutoTopicCreation = true
	if err := send(c, scenario.Bootstrap, &message{Topic: topic, Value: sarama.StringEncoder("v")}); err != nil {
		return nil, err
	}
	got, err := read(ctx, c, topic, sarama.OffsetOldest, 1)
	if err != nil {
		return nil, err
	}
	return scenario.Answer{"value": scenario.Text(got[0].Value)}, nil
}

func seekByTime(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(1, nil)
	if err != nil {
		return nil, err
	}
	if err := send(config(), scenario.Bootstrap, numbered(topic, 100, time.Second)...); err != nil {
		return nil, err
	}
	answer := scenario.Answer{}
	for name, at := range map[string]int64{"at": scenario.BaseTime + 41_500, "after the last": scenario.BaseTime + 999_999, "first": sarama.OffsetOldest, "last": sarama.OffsetNewest} {
		if answer[name], err = offset(topic, at); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	got, err := read(ctx, config(), topic, answer["at"].(int64), 1)
	if err != nil {
		return nil, err
	}
	answer["read"] = scenario.Text(got[0].Value)
	return answer, nil
}

// handler is a member of a group: it tells what it owns and hands on what it reads.
type handler struct {
	topic    string
	assigned func([]int32)
	claims   *claims
	records  chan *sarama.ConsumerMessage
	commit   *int64
}

// claims are the partitions whose claims run. A cooperative member's session goes on while they come and go.
type claims struct {
	changed func([]int32)
	mutex   sync.Mutex
	running map[int32]bool
}

func (c *claims) set(partition int32, runs bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if runs {
		c.running[partition] = true
	} else {
		delete(c.running, partition)
	}
	c.changed(slices.Collect(maps.Keys(c.running)))
}

func (h *handler) Setup(session sarama.ConsumerGroupSession) error {
	if h.assigned != nil {
		h.assigned(session.Claims()[h.topic])
	}
	return nil
}

func (h *handler) Cleanup(session sarama.ConsumerGroupSession) error {
	if h.assigned != nil {
		h.assigned(nil)
	}
	return nil
}

func (h *handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	if h.claims != nil {
		h.claims.set(claim.Partition(), true)
		defer h.claims.set(claim.Partition(), false)
	}
	for {
		select {
		case one, open := <-claim.Messages():
			if !open {
				return nil
			}
			if h.commit != nil && one.Offset == *h.commit-1 {
				session.MarkOffset(h.topic, 0, *h.commit, "so far")
				session.Commit()
			}
			if h.records != nil {
				h.records <- one
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

// inGroup reads records with a member of a group, commits `commit` if it is given, and lets `use` look before it leaves.
func inGroup(ctx context.Context, c *sarama.Config, topic, group string, count int, commit *int64, use func() error) ([]*sarama.ConsumerMessage, error) {
	member, err := sarama.NewConsumerGroup([]string{scenario.Bootstrap}, group, c)
	if err != nil {
		return nil, err
	}
	defer member.Close()
	inside, leave := context.WithCancel(ctx)
	defer leave()
	records := make(chan *sarama.ConsumerMessage, 1000)
	failed := make(chan error, 1)
	go func() {
		failed <- member.Consume(inside, []string{topic}, &handler{topic: topic, records: records, commit: commit})
	}()
	var got []*sarama.ConsumerMessage
	for len(got) < count {
		select {
		case one := <-records:
			got = append(got, one)
		case err := <-failed:
			return nil, fmt.Errorf("the member ended: %w", err)
		case <-ctx.Done():
			return nil, fmt.Errorf("only %d of %d records came", len(got), count)
		}
	}
	if use != nil {
		err = use()
	}
	return got, err
}

func committed(topic, group string) (*sarama.OffsetFetchResponseBlock, error) {
	var block *sarama.OffsetFetchResponseBlock
	return block, withAdmin(func(admin sarama.ClusterAdmin) error {
		found, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}})
		if err != nil {
			return err
		}
		block = found.GetBlock(topic, 0)
		return nil
	})
}

func resume(ctx context.Context, c *sarama.Config) (scenario.Answer, error) {
	topic, err := newTopic(1, nil)
	if err != nil {
		return nil, err
	}
	if err := send(c, scenario.Bootstrap, numbered(topic, 20, 0)...); err != nil {
		return nil, err
	}
	group, seven := scenario.Unique("resume"), int64(7)
	if _, err := inGroup(ctx, c, topic, group, 20, &seven, nil); err != nil {
		return nil, err
	}
	block, err := committed(topic, group)
	if err != nil {
		return nil, err
	}
	got, err := inGroup(ctx, c, topic, group, 1, nil, nil)
	if err != nil {
		return nil, err
	}
	return scenario.Answer{"committed": block.Offset, "metadata": block.Metadata, "resumed": got[0].Offset}, nil
}

func commitResume(ctx context.Context) (scenario.Answer, error) { return resume(ctx, config()) }

func oldVersions(ctx context.Context) (scenario.Answer, error) {
	answer := scenario.Answer{}
	for _, version := range []sarama.KafkaVersion{sarama.V0_11_0_0, sarama.V1_0_0_0, sarama.V2_0_0_0, sarama.V2_4_0_0, sarama.V3_0_0_0} {
		c := config()
		c.Version = version
		got, err := resume(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", version, err)
		}
		answer[version.String()] = got
	}
	return answer, nil
}

func topics(context.Context) (scenario.Answer, error) {
	topic, err := newTopic(2, nil)
	if err != nil {
		return nil, err
	}
	answer := scenario.Answer{}
	return answer, withAdmin(func(admin sarama.ClusterAdmin) error {
		if err := admin.CreatePartitions(topic, 4, nil, false); err != nil {
			return err
		}
		grown := func() (int, error) {
			described, err := admin.DescribeTopics([]string{topic})
			if err != nil {
				return 0, err
			}
			return len(described[0].Partitions), nil
		}
		deadline := time.Now().Add(scenario.Patience / 2)
		for count := 0; count != 4; {
			if count, err = grown(); err != nil || time.Now().After(deadline) {
				return fmt.Errorf("%d partitions: %w", count, err)
			}
		}
		var refused []string
		for _, wrong := range []struct {
			name   string
			detail sarama.TopicDetail
		}{{topic, sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}}, {"a b", sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}},
			{scenario.Unique("r"), sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 3}}, {scenario.Unique("p"), sarama.TopicDetail{NumPartitions: 0, ReplicationFactor: 1}}} {
			refused = append(refused, code(admin.CreateTopic(wrong.name, &wrong.detail, false)))
		}
		answer["errors"] = refused
		if err := admin.DeleteTopic(topic); err != nil {
			return err
		}
		for left := true; left; {
			listed, err := admin.ListTopics()
			if err != nil || time.Now().After(deadline) {
				return fmt.Errorf("the topic is still there: %w", err)
			}
			_, left = listed[topic]
		}
		return nil
	})
}

func shownConfigs(admin sarama.ClusterAdmin, topic string) (map[string][]string, error) {
	entries, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms", "segment.bytes", "cleanup.policy"}})
	shown := map[string][]string{}
	for _, entry := range entries {
		shown[entry.Name] = []string{entry.Value, entry.Source.String()}
	}
	return shown, err
}

func configs(context.Context) (scenario.Answer, error) {
	topic, err := newTopic(1, map[string]*string{"retention.ms": text("100000")})
	if err != nil {
		return nil, err
	}
	answer := scenario.Answer{}
	return answer, withAdmin(func(admin sarama.ClusterAdmin) error {
		if answer["before"], err = shownConfigs(admin, topic); err != nil {
			return err
		}
		alter := func(changes map[string]sarama.IncrementalAlterConfigsEntry) error {
			return admin.IncrementalAlterConfig(sarama.TopicResource, topic, changes, false)
		}
		err := alter(map[string]sarama.IncrementalAlterConfigsEntry{
			"retention.ms":   {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: text("200000")},
			"cleanup.policy": {Operation: sarama.IncrementalAlterConfigsOperationAppend, Value: text("compact")},
		})
		if err != nil {
			return err
		}
		answer["error"] = code(alter(map[string]sarama.IncrementalAlterConfigsEntry{"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: text("soon")}}))
		deadline := time.Now().Add(scenario.Patience / 2)
		for shown := map[string][]string{}; len(shown) == 0 || shown["retention.ms"][0] != "200000"; {
			if shown, err = shownConfigs(admin, topic); err != nil || time.Now().After(deadline) {
				return fmt.Errorf("the configs did not change: %w", err)
			}
			answer["after"] = shown
		}
		return nil
	})
}

func groups(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(1, nil)
	if err != nil {
		return nil, err
	}
	if err := send(config(), scenario.Bootstrap, numbered(topic, 1, 0)...); err != nil {
		return nil, err
	}
	group, one := scenario.Unique("described"), int64(1)
	answer := scenario.Answer{}
	return answer, withAdmin(func(admin sarama.ClusterAdmin) error {
		var deletions []string
		deletion := func() { deletions = append(deletions, code(admin.DeleteConsumerGroup(group))) }
		_, err := inGroup(ctx, config(), topic, group, 1, &one, func() error {
			described, err := admin.DescribeConsumerGroups([]string{group})
			if err != nil {
				return err
			}
			answer["state"], answer["assignor"], answer["members"] = described[0].State, described[0].Protocol, len(described[0].Members)
			listed, err := admin.ListConsumerGroups()
			_, answer["listed"] = listed[group]
			deletion()
			return err
		})
		if err != nil {
			return err
		}
		deletion()
		deletion()
		answer["deletions"] = deletions
		return nil
	})
}

func deleteRecords(context.Context) (scenario.Answer, error) {
	topic, err := newTopic(1, nil)
	if err != nil {
		return nil, err
	}
	if err := send(config(), scenario.Bootstrap, numbered(topic, 10, 0)...); err != nil {
		return nil, err
	}
	if err := withAdmin(func(admin sarama.ClusterAdmin) error { return admin.DeleteRecords(topic, map[int32]int64{0: 4}) }); err != nil {
		return nil, err
	}
	first, err := offset(topic, sarama.OffsetOldest)
	if err != nil {
		return nil, err
	}
	last, err := offset(topic, sarama.OffsetNewest)
	return scenario.Answer{"first": first, "last": last}, err
}

func unknownTopic(context.Context) (scenario.Answer, error) {
	topic := scenario.Unique("no")
	answer := scenario.Answer{"error": code(send(config(), scenario.Bootstrap, numbered(topic, 1, 0)...))}
	return answer, withAdmin(func(admin sarama.ClusterAdmin) error {
		listed, err := admin.ListTopics()
		_, answer["made"] = listed[topic]
		return err
	})
}

func tooLarge(context.Context) (scenario.Answer, error) {
	topic, err := newTopic(1, map[string]*string{"max.message.bytes": text("1000")})
	if err != nil {
		return nil, err
	}
	err = send(config(), scenario.Bootstrap, &message{Topic: topic, Value: sarama.ByteEncoder(make([]byte, 5000))})
	return scenario.Answer{"error": code(err)}, nil
}

func staleCommit(ctx context.Context) (scenario.Answer, error) {
	topic, err := newTopic(1, nil)
	if err != nil {
		return nil, err
	}
	if err := send(config(), scenario.Bootstrap, numbered(topic, 5, 0)...); err != nil {
		return nil, err
	}
	group, three := scenario.Unique("stale"), int64(3)
	var refused string
	_, err = inGroup(ctx, config(), topic, group, 5, &three, func() error {
		client, err := sarama.NewClient([]string{scenario.Bootstrap}, config())
		if err != nil {
			return err
		}
		defer client.Close()
		coordinator, err := client.Coordinator(group)
		if err != nil {
			return err
		}
		request := &sarama.OffsetCommitRequest{Version: 7, ConsumerGroup: group, ConsumerGroupGeneration: 1, ConsumerID: "stranger"}
		request.AddBlock(topic, 0, 1, 0, "")
		response, err := coordinator.CommitOffset(request)
		if err != nil {
			return err
		}
		refused = code(response.Errors[topic][0])
		return nil
	})
	if err != nil {
		return nil, err
	}
	block, err := committed(topic, group)
	if err != nil {
		return nil, err
	}
	return scenario.Answer{"error": refused, "committed": block.Offset}, nil
}

func transactionRefused(context.Context) (scenario.Answer, error) {
	c := config()
	c.Producer.Idempotent, c.Net.MaxOpenRequests, c.Producer.Transaction.ID = true, 1, scenario.Unique("t")
	producer, err := sarama.NewSyncProducer([]string{scenario.Bootstrap}, c)
	if err == nil {
		producer.Close()
		return nil, errors.New("a transactional producer was let in")
	}
	if !errors.Is(err, sarama.ErrTransactionalIDAuthorizationFailed) {
		return nil, err
	}
	return scenario.Answer{"error": code(err)}, nil
}

func member(ctx context.Context, topic, group, assignor, instance string) error {
	strategies := map[string]func() sarama.BalanceStrategy{"range": sarama.NewBalanceStrategyRange, "roundrobin": sarama.NewBalanceStrategyRoundRobin, "sticky": sarama.NewBalanceStrategySticky, "cooperative-sticky": sarama.NewBalanceStrategyCooperativeSticky}
	c := config()
	if strategy, named := strategies[assignor]; named {
		c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy()}
	}
	if instance != "" {
		c.Consumer.Group.InstanceId, c.Consumer.Group.Session.Timeout = instance, 30*time.Second
	}
	consumer, err := sarama.NewConsumerGroup([]string{scenario.Bootstrap}, group, c)
	if err != nil {
		return err
	}
	var assigned scenario.Assigned
	own := func(partitions []int32) {
		slices.Sort(partitions)
		assigned.Set(partitions)
	}
	member := &handler{topic: topic, assigned: own}
	if assignor == "cooperative-sticky" {
		member = &handler{topic: topic, claims: &claims{changed: own, running: map[int32]bool{}}}
	}
	for ctx.Err() == nil {
		if err := consumer.Consume(ctx, []string{topic}, member); err != nil {
			return err
		}
	}
	return consumer.Close()
}

func main() {
	scenario.Main(func() {}, map[string]scenario.Func{
		"compression-none": compression(sarama.CompressionNone), "compression-gzip": compression(sarama.CompressionGZIP), "compression-snappy": compression(sarama.CompressionSnappy),
		"compression-lz4": compression(sarama.CompressionLZ4), "compression-zstd": compression(sarama.CompressionZSTD),
		"null-and-empty": nullAndEmpty, "large": large, "headers": headers, "acks": acks, "idempotence": idempotence, "auto-create": autoCreate,
		"seek-by-time": seekByTime, "commit-resume": commitResume, "topics": topics, "configs": configs, "groups": groups, "delete-records": deleteRecords,
		"unknown-topic": unknownTopic, "too-large": tooLarge, "stale-commit": staleCommit, "old-versions": oldVersions, "transaction-refused": transactionRefused,
	}, member)
}
