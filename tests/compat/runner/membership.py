"""Scenarios of groups: members are processes of a client, so that a crash is a crash.

`PROGRAM member HOST:PORT TOPIC GROUP ASSIGNOR [INSTANCE]` joins and consumes, and prints `{"assigned": [0, 1]}` whenever
the partitions it owns change. ASSIGNOR is range, roundrobin, sticky, cooperative-sticky or default, the client's own choice. It leaves when its standard input ends. `{"unsupported": "why"}` instead says that the
client cannot do it. The session timeout is 6 seconds, and 30 with an instance id.
"""

import json
import signal
import subprocess
import threading
import time
import uuid

from . import wire

PARTITIONS = 6
SETTLE_SECONDS = 60
LEAVE_SECONDS = 20


class Unsupported(Exception):
    """The client cannot do it; says why."""


class Member:
    """A process of a client in a group, and what it said of its partitions."""

    def __init__(self, command, address, topic, group, assignor, instance=None):
        arguments = ["member", address, topic, group, assignor] + ([instance] if instance else [])
        self.history = []
        self._unsupported = None
        self._noise = []
        self._process = subprocess.Popen(
            [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._drain, daemon=True).start()

    def _listen(self):
        for line in self._process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if "unsupported" in said:
                self._unsupported = said["unsupported"]
            elif "assigned" in said:
                self.history.append(sorted(said["assigned"]))

    def _drain(self):
        for line in self._process.stderr:
            self._noise = [*self._noise[-9:], line.rstrip()]

    @property
    def assigned(self):
        if self._unsupported:
            raise Unsupported(self._unsupported)
        if self._process.poll() is not None:
            # what it said last may still be in the pipe
            time.sleep(0.2)
            if self._unsupported:
                raise Unsupported(self._unsupported)
            raise AssertionError(f"a member ended with {self._process.returncode}: {' | '.join(self._noise)}")
        return self.history[-1] if self.history else []

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def leave(self):
        """Lets it leave the group; it must end by itself."""
        self._process.stdin.close()
        try:
            self._process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"a member did not leave within {LEAVE_SECONDS} s") from None

    def abandon(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()


class Group:
    """Members of one group, on a topic of its own."""

    def __init__(self, command, address, assignor):
        self._command = command
        self.address = address
        self._assignor = assignor
        self._topic = f"group-{uuid.uuid4()}"
        self.name = f"{assignor}-{uuid.uuid4()}"
        self._all = []
        wire.create_topic(address, self._topic, PARTITIONS)

    def join(self, instance=None, command=None):
        """A new member, of the group's client or of another one whose `command` is given."""
        member = Member(command or self._command, self.address, self._topic, self.name, self._assignor, instance)
        self._all.append(member)
        return member

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self._all:
            member.abandon()


def settle(members, what):
    """Waits until each partition has one owner and no member more than one partition more than another; gives how many each has.

    A cooperative group may get there by steps, in which each partition has an owner too: one that has not heard of a generation in time still
    has what it is to give up."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        owned = [member.assigned for member in members]
        sizes = sorted(map(len, owned))
        if sorted(sum(owned, [])) == list(range(PARTITIONS)) and sizes[-1] - sizes[0] <= 1:
            return sizes
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: the members did not settle: {owned}")
        time.sleep(0.05)


class Watch:
    """What a change of the group does to those who stay, from here on."""

    def __init__(self, members):
        self._before = [(member, member.assigned, len(member.history)) for member in members]

    def kept(self):
        """Whether each member has all that it had, or has given some up and got nothing else for it."""
        return all(set(had) <= set(member.assigned) or set(member.assigned) <= set(had) for member, had, _ in self._before)

    def never_without(self):
        """Whether no member was, between what it had and what it has now, without what is in both."""
        return all(
            set(had) & set(member.assigned) <= set(said)
            for member, had, seen in self._before for said in member.history[seen:]
        )


class Story:
    """What a group goes through: how many partitions each member has after each change, the protocol, and what the change did to those who
    were there already, as far as the assignor has something to promise them."""

    def __init__(self, group, assignor, wavers=False):
        self.answer = {}
        self._group = group
        self._sticky = "sticky" in assignor and not wavers
        self._cooperative = "cooperative" in assignor

    def begins(self, what, members):
        self.answer[what] = {"partitions of each": settle(members, what), "protocol": wire.group_protocol(self._group.address, self._group.name)}

    def goes_on(self, what, staying, change):
        """Makes a change while `staying` are members; gives the one who has come, if one has."""
        watch = Watch(staying)
        came = change()
        self.begins(what, [*staying, came] if came else staying)
        if self._sticky:
            self.answer[what]["those who stay keep theirs"] = watch.kept()
        if self._cooperative:
            self.answer[what]["and are never without them"] = watch.never_without()
        return came


def group_of_three(command, address, assignor, wavers):
    with Group(command, address, assignor) as group:
        story = Story(group, assignor, assignor in wavers)
        first, second, third = members = [group.join() for _ in range(3)]
        story.begins("at first", members)
        story.goes_on("after a crash", [second, third], first.kill)
        fourth = story.goes_on("after a join", [second, third], group.join)
        story.goes_on("after a leave", [third, fourth], second.leave)
        third.leave()
        fourth.leave()
        return story.answer


def mixed_group(command, javas, address, assignor):
    """Members of Apache Kafka's client and of the client under test in one group; each of them leads it for a time."""
    with Group(command, address, assignor) as group:
        story = Story(group, assignor)
        first, ours, other = group.join(command=javas), group.join(), group.join(command=javas)
        story.begins("java, ours, java", [first, ours, other])
        story.goes_on("after a Java member's crash", [ours, other], first.kill)
        second = story.goes_on("after ours has joined", [ours, other], group.join)
        story.goes_on("after the last Java member has left", [ours, second], other.leave)
        later = story.goes_on("after a Java member has joined ours", [ours, second], lambda: group.join(command=javas))
        story.goes_on("after a crash of ours", [second, later], ours.kill)
        second.leave()
        later.leave()
        return story.answer


def static_member(command, address):
    with Group(command, address, "default") as group:
        one, other = group.join("one"), group.join("other")
        settle([one, other], "at first")
        before, seen = one.assigned, len(other.history)
        one.kill()
        again = group.join("one")
        settle([again, other], "after the return")
        assert again.assigned == before, f"{before} before the crash, {again.assigned} after it"
        assert len(other.history) == seen, f"the other member saw a rebalance: {other.history}"
        return {"the same partitions": True, "rebalances of the other": 0}


def stale_member(command, address):
    with Group(command, address, "default") as group:
        sleeper, other = group.join(), group.join()
        settle([sleeper, other], "at first")
        sleeper.signal(signal.SIGSTOP)
        answer = {"taken over": settle([other], "while one sleeps")}
        sleeper.signal(signal.SIGCONT)
        answer["shared again"] = settle([sleeper, other], "after it woke")
        for member in (sleeper, other):
            member.leave()
        return answer


def run(scenario, client, command, address, javas):
    """Runs one scenario of the runner's; gives its result in the form in which clients give theirs."""
    try:
        if scenario == "static-member":
            answer = static_member(command, address)
        elif scenario == "stale-member":
            answer = stale_member(command, address)
        elif scenario.startswith("group-mixed-"):
            answer = mixed_group(command, javas(), address, scenario.removeprefix("group-mixed-"))
        else:
            answer = group_of_three(command, address, scenario.removeprefix("group-"), client.wavers)
        return {"scenario": scenario, "result": "passed", "answer": answer}
    except Unsupported as why:
        return {"scenario": scenario, "result": "unsupported", "why": str(why)}
    except (AssertionError, OSError) as error:
        return {"scenario": scenario, "result": "failed", "why": str(error)}
