// Package scenario is what the Go clients' programs share: how scenarios are run and reported, and how a member speaks to the runner.
package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"sort"
	"strings"
	"sync"
	"time"
)

// BaseTime is the timestamp, in milliseconds, that records' timestamps are counted from.
const BaseTime = 1_700_000_000_000

// Patience bounds each scenario.
const Patience = 60 * time.Second

// Answer is what a client saw, in a form that two servers' answers can be compared in.
type Answer map[string]any

// Func runs a scenario.
type Func func(context.Context) (Answer, error)

// Unsupported is why the client itself cannot do something.
type Unsupported string

func (u Unsupported) Error() string { return string(u) }

// Cannot is a scenario that the client is not able to do.
func Cannot(why string) Func {
	return func(context.Context) (Answer, error) { return nil, Unsupported(why) }
}

// Bootstrap is the server's address, CutAddress the one through the proxy that cuts connections.
var (
	Bootstrap  string
	CutAddress = os.Getenv("CUT_ADDRESS")

	counter int
	saying  sync.Mutex
)

// Unique gives a name that no other topic or group has.
func Unique(what string) string {
	counter++
	return fmt.Sprintf("%s-%d-%d", what, time.Now().UnixNano(), counter)
}

func say(what any) {
	saying.Lock()
	defer saying.Unlock()
	line, err := json.Marshal(what)
	if err != nil {
		line, _ = json.Marshal(map[string]string{"unsaid": err.Error()})
	}
	fmt.Println(string(line))
}

// Main runs the scenarios that the command line names, or a member of a group.
//
// `begin` is called when the addresses are known.
func Main(begin func(), scenarios map[string]Func, member func(ctx context.Context, topic, group, assignor, instance string) error) {
	if os.Args[1] == "member" {
		Bootstrap = os.Args[2]
		begin()
		instance := ""
		if len(os.Args) > 6 {
			instance = os.Args[6]
		}
		ctx, leave := context.WithCancel(context.Background())
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			leave()
		}()
		err := member(ctx, os.Args[3], os.Args[4], os.Args[5], instance)
		var unsupported Unsupported
		if errors.As(err, &unsupported) {
			say(map[string]string{"unsupported": string(unsupported)})
		} else if err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	Bootstrap = os.Args[1]
	begin()
	names := os.Args[2:]
	if len(names) == 0 {
		for name := range scenarios {
			names = append(names, name)
		}
		sort.Strings(names)
	}
	for _, name := range names {
		run, there := scenarios[name]
		if !there {
			say(map[string]string{"scenario": name, "result": "failed", "why": "this program has no such scenario"})
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		answer, err := run(ctx)
		cancel()
		var unsupported Unsupported
		switch {
		case errors.As(err, &unsupported):
			say(map[string]string{"scenario": name, "result": "unsupported", "why": string(unsupported)})
		case err != nil:
			say(map[string]string{"scenario": name, "result": "failed", "why": err.Error()})
		default:
			say(map[string]any{"scenario": name, "result": "passed", "answer": answer})
		}
	}
}

// Assigned says what a member owns, whenever that changes.
type Assigned struct {
	lock  sync.Mutex
	owned map[int32]bool
	said  []int32
}

// Add tells that partitions were given to this member.
func (a *Assigned) Add(partitions []int32) { a.change(partitions, true) }

// Remove tells that partitions were taken from it.
func (a *Assigned) Remove(partitions []int32) { a.change(partitions, false) }

// Set tells all that it owns now.
func (a *Assigned) Set(partitions []int32) {
	a.lock.Lock()
	a.owned = nil
	a.lock.Unlock()
	a.change(partitions, true)
}

func (a *Assigned) change(partitions []int32, owned bool) {
	a.lock.Lock()
	defer a.lock.Unlock()
	if a.owned == nil {
		a.owned = map[int32]bool{}
	}
	for _, partition := range partitions {
		if owned {
			a.owned[partition] = true
		} else {
			delete(a.owned, partition)
		}
	}
	now := []int32{}
	for partition := range a.owned {
		now = append(now, partition)
	}
	sort.Slice(now, func(i, j int) bool { return now[i] < now[j] })
	if a.said == nil || !reflect.DeepEqual(now, a.said) {
		a.said = now
		say(map[string]any{"assigned": now})
	}
}

// Record is what is sent and read back with each compression.
type Record struct {
	Key, Value string
	Timestamp  int64
}

// Records gives the records that are sent with each compression.
func Records() []Record {
	var records []Record
	for n := range 500 {
		records = append(records, Record{fmt.Sprintf("k%d", n), strings.Repeat(fmt.Sprintf("value %d ", n), 20), BaseTime + int64(n)})
	}
	return records
}

// Text is null for null bytes.
func Text(value []byte) any {
	if value == nil {
		return nil
	}
	return string(value)
}

// Check is an error unless the condition holds.
func Check(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}
