using Net.Core.Time;
using Net.Migration.Hosting;

namespace Net.Tests.Migration.Hosting;

[TestClass]
public sealed class ActorTests
{
    private readonly List<Exception> _faults = [];
    private int _inside;

    /// <summary>Goal: a turn that nobody has is taken by who asks for it, behind what was posted before; in a turn, nothing runs inside of something else.</summary>
    [TestMethod]
    public void A_free_turn_is_taken_at_once()
    {
        // Never started: no other thread can take a turn.
        using Actor actor = new("test", () => Instant.Never, _ => { }, _faults.Add);
        List<int> order = [];
        actor.Post(_ => order.Add(1));
        actor.Do(_ =>
        {
            order.Add(2);
            actor.Do(_ => order.Add(4));
            order.Add(3);
        });
        // The thread that has the turn goes on with what is asked for in it.
        CollectionAssert.AreEqual((int[])[1, 2, 3, 4], order);
        actor.Do(_ => order.Add(5));
        CollectionAssert.AreEqual((int[])[1, 2, 3, 4, 5], order);
        Assert.IsEmpty(_faults);
    }

    /// <summary>
    /// Goal: what was added is one turn, with one tick at its end, on the thread of who takes it, or of who has the turn already; where there is nothing to do there is no turn.
    /// </summary>
    [TestMethod]
    public void What_is_at_hand_is_one_turn()
    {
        List<string> order = [];
        using Actor actor = new("test", () => Instant.Never, _ => order.Add("tick"), _faults.Add);
        actor.Add(_ => order.Add("1"));
        actor.Add(_ => order.Add("2"));
        Assert.IsEmpty(order);
        actor.TakeTurn();
        actor.TakeTurn();
        actor.Do(_ =>
        {
            actor.Add(_ => order.Add("4"));
            actor.Add(_ => order.Add("5"));
            actor.TakeTurn();
            order.Add("3");
        });
        CollectionAssert.AreEqual((string[])["1", "2", "tick", "3", "tick", "4", "5", "tick"], order);
        Assert.IsEmpty(_faults);
    }

    /// <summary>Goal: who waits for the end of an actor waits for what its last turn does at its end, and for no turn when there is none.</summary>
    [TestMethod]
    public void The_end_is_behind_the_last_tick()
    {
        List<string> order = [];
        Actor? ending = null;
        using Actor actor = ending = new("test", () => Instant.Never, _ => order.Add($"tick {ending!.Completion.IsCompleted}"), _faults.Add);
        actor.Post(_ => order.Add("before"));
        actor.Do(_ => actor.Dispose());
        CollectionAssert.AreEqual((string[])["before", "tick False"], order);
        Assert.IsTrue(actor.Completion.IsCompleted);
        using Actor idle = new("test", () => Instant.Never, _ => { }, _faults.Add);
        idle.Dispose();
        Assert.IsTrue(idle.Completion.IsCompleted);
    }

    /// <summary>
    /// Goal: however much there is to do, what is due by time comes within a tenth of a second and the one thing that is under way; and what has taken long is told, so
    /// that nobody is called silent who was not listened to.
    /// </summary>
    [TestMethod]
    public void Much_to_do_keeps_no_deadline_waiting()
    {
        Instant now = default;
        List<string> order = [];
        using Actor actor = new("test", () => Instant.Never, _ => order.Add("tick"), _faults.Add, (took, _) => order.Add($"busy {took.TotalMilliseconds}"), () => now);
        foreach (int milliseconds in (ReadOnlySpan<int>)[60, 60, 1, 0, 2000])
        {
            actor.Post(_ =>
            {
                order.Add($"{milliseconds}");
                now += TimeSpan.FromMilliseconds(milliseconds);
            });
        }

        actor.Do(_ => order.Add("last"));
        // A turn that comes late has not taken long: who waits for it, with a heartbeat, say, is heard before anything is due.
        now += TimeSpan.FromSeconds(3);
        actor.Post(_ => order.Add("late"));
        actor.Do(_ => order.Add("heartbeat"));
        CollectionAssert.AreEqual((string[])["60", "60", "busy 120", "tick", "1", "0", "2000", "busy 2001", "tick", "last", "tick", "late", "heartbeat", "tick"], order);
        Assert.IsEmpty(_faults);
    }

    /// <summary>Goal: whoever takes turns, there is one at a time, none is lost, and one that fails costs only itself.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void One_turn_at_a_time_by_whichever_thread()
    {
        const int Each = 2000, Threads = 4;
        using Actor actor = new("test", () => Instant.Never, _ => { }, _faults.Add);
        actor.Start();
        using CountdownEvent left = new(Threads * Each);
        void Turn(Instant now)
        {
            bool isAlone = Interlocked.Increment(ref _inside) == 1;
            Interlocked.Decrement(ref _inside);
            left.Signal();
            if (!isAlone || left.CurrentCount == Each)
            {
                throw new InvalidOperationException(isAlone ? "once" : "two at a time");
            }
        }

        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            for (int i = 0; i < Each; i++)
            {
                if ((i + number) % 2 == 0)
                {
                    actor.Post(Turn);
                }
                else
                {
                    actor.Do(Turn);
                }
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        left.Wait();
        actor.Do(_ => actor.Dispose());
        CollectionAssert.AreEqual((string[])["once"], _faults.Select(fault => fault.Message).ToArray());
    }

    /// <summary>Goal: a deadline that a borrowed turn has set is kept, although the actor's own thread sleeps for longer.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void A_deadline_set_in_a_borrowed_turn_is_kept()
    {
        Instant due = Instant.Never;
        using ManualResetEventSlim rung = new();
        using Actor actor = new("test", () => due, now =>
        {
            if (now >= due)
            {
                due = Instant.Never;
                rung.Set();
            }
        }, _faults.Add);
        actor.Start();
        actor.Do(now => due = now + TimeSpan.FromMilliseconds(20));
        rung.Wait();
        Assert.IsEmpty(_faults);
    }
}
