using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Hosting;

namespace Net.Tests.Migration.Hosting;

/// <summary>A port on its way from one process to the next: both sides of the door, and either of them gone at each step.</summary>
[TestClass]
[OSCondition(OperatingSystems.Linux)]
public sealed class PortDoorTests : IDisposable
{
    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("pd").FullName;
    private readonly Socket _port = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    private string Path => System.IO.Path.Combine(_directory, "port.sock");

    [TestInitialize]
    public void Bind() => _port.Bind(new IPEndPoint(IPAddress.Loopback, 0));

    public void Dispose()
    {
        _port.Dispose();
        System.IO.Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Goal: the port with what was read from it, the word that the node has joined, and everything else pass in this order; the door is closed for the next one's before it hears.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_port_is_passed()
    {
        UdpAddress here = UdpAddress.FromEndPoint((IPEndPoint)_port.LocalEndPoint!);
        FakePortOwner owner = new() { PublicSocket = _port.SafeHandle, Kept = [new(here, here, Ecn.NotEct, 1, [5])] };
        using PortDoor door = PortDoor.Open(Path);
        Task serving = door.ServeAsync(owner, Stop);
        Assert.AreEqual((ushort)4433, await PassedPort.AskAsync(Path, Stop));
        using PassedPort passed = await TakeAsync();
        using Socket same = new(passed.Handle);
        Assert.AreEqual((_port.LocalEndPoint, "old"), (same.LocalEndPoint, passed.Predecessor));
        Assert.AreEqual(5, passed.Kept.Single().Bytes.Single());
        Assert.AreEqual(PortWord.Joined, await passed.FollowAsync(7, Stop));
        Assert.AreEqual(PortWord.Done, await passed.MoveAsync("new", TimeSpan.FromSeconds(61), Stop));
        Assert.AreEqual((ushort)4433, await PassedPort.AskAsync(Path, Stop), "not yet for good");
        Assert.AreEqual(PortWord.Done, await passed.KeepAsync(Stop));
        Assert.IsNull(await PassedPort.AskAsync(Path, Stop));
        await serving;
        await HearAsync(owner, "release", "follow 7", "move to new in 61 s");
    }

    /// <summary>Goal: who lacks something learns why it gets nothing, and the port has not been let go of.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Who_lacks_something_gets_nothing()
    {
        FakePortOwner owner = Owner();
        using PortDoor door = PortDoor.Open(Path);
        _ = door.ServeAsync(owner, Stop);
        IOException refused = await Assert.ThrowsExactlyAsync<IOException>(() => PassedPort.TakeAsync(Path, ["api"], Stop));
        Assert.Contains("it has web", refused.Message);
        using PassedPort passed = await TakeAsync();
        passed.Handle.Dispose();
        await HearAsync(owner, "release");
    }

    /// <summary>Goal: while one takes over, others are answered, and get nothing: they must not believe that nobody serves.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task There_is_one_successor_at_a_time()
    {
        FakePortOwner owner = Owner();
        using PortDoor door = PortDoor.Open(Path);
        _ = door.ServeAsync(owner, Stop);
        using (PassedPort first = await TakeAsync())
        {
            first.Handle.Dispose();
            Assert.AreEqual((ushort)4433, await PassedPort.AskAsync(Path, Stop));
            IOException refused = await Assert.ThrowsExactlyAsync<IOException>(TakeAsync);
            Assert.Contains("being replaced", refused.Message);
        }

        await HearAsync(owner, "release", "stay", "take back");
    }

    /// <summary>Goal: a successor that dies during the move ends it, and the port is taken back; also when everything has moved just then.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task One_that_dies_during_the_move_leaves_the_port(bool hasMoved)
    {
        FakePortOwner owner = Owner(async over =>
        {
            await Never.EndsAsync(over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return hasMoved ? true : throw new OperationCanceledException(over);
        });
        using PortDoor door = PortDoor.Open(Path);
        Task serving = door.ServeAsync(owner, Stop);
        PassedPort passed = await TakeAsync();
        passed.Handle.Dispose();
        Assert.AreEqual(PortWord.Joined, await passed.FollowAsync(7, Stop));
        Task moving = passed.MoveAsync("new", TimeSpan.FromSeconds(60), Stop);
        await HearAsync(owner, "release", "follow 7", "move to new in 60 s");
        passed.Dispose();
        await HearAsync(owner, "stay", "take back");
        await moving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Assert.IsFalse(serving.IsCompleted);
    }

    /// <summary>Goal: one that keeps something waits until its successor has moved back what it has got.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task What_has_moved_can_go_back_first()
    {
        FakePortOwner owner = Owner(_ => Task.FromResult(false));
        using PortDoor door = PortDoor.Open(Path);
        _ = door.ServeAsync(owner, Stop);
        PassedPort passed = await TakeAsync();
        passed.Handle.Dispose();
        Assert.AreEqual(PortWord.Joined, await passed.FollowAsync(7, Stop));
        Assert.AreEqual(PortWord.Keep, await passed.MoveAsync("new", TimeSpan.FromSeconds(60), Stop));
        await HearAsync(owner, "release", "follow 7", "move to new in 60 s", "stay");
        ValueTask<string> next = owner.NextAsync(Stop);
        Assert.IsFalse(next.IsCompleted);
        Assert.IsFalse(passed.IsGone);
        passed.Dispose();
        Assert.AreEqual("take back", await next);
    }

    /// <summary>Goal: a successor that has got everything and cannot keep it gives it back, or dies with it: the port is taken back in either case.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task What_has_moved_is_not_kept_before_its_successor_says_so(bool dies)
    {
        FakePortOwner owner = Owner();
        using PortDoor door = PortDoor.Open(Path);
        Task serving = door.ServeAsync(owner, Stop);
        PassedPort passed = await TakeAsync();
        passed.Handle.Dispose();
        Assert.AreEqual(PortWord.Joined, await passed.FollowAsync(7, Stop));
        Assert.AreEqual(PortWord.Done, await passed.MoveAsync("new", TimeSpan.FromSeconds(60), Stop));
        if (!dies)
        {
            Assert.AreEqual(PortWord.Keep, await passed.ReturnAsync(Stop));
            Assert.IsFalse(passed.IsGone, "it may take its time to move everything back");
        }

        passed.Dispose();
        await HearAsync(owner, "release", "follow 7", "move to new in 60 s", "stay", "take back");
        using PassedPort next = await NextAsync();
        next.Handle.Dispose();
        Assert.IsFalse(serving.IsCompleted);
    }

    /// <summary>
    /// Goal: a successor that hangs before the old node is a member there, while everything moves to it, or when it has moved, loses the port again though its connection is open.
    /// </summary>
    [TestMethod]
    [DataRow(false, false)]
    [DataRow(true, false)]
    [DataRow(true, true)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task One_that_reads_no_more_loses_the_port(bool hasJoined, bool hasMoved)
    {
        TaskCompletionSource silence = new();
        FakePortOwner owner = new()
        {
            PublicSocket = _port.SafeHandle,
            Silence = silence.Task,
            Follows = () => hasJoined ? Task.CompletedTask : Never.EndsAsync(Stop),
            Moves = async over =>
            {
                await (hasMoved ? Task.CompletedTask : Never.EndsAsync(over));
                return true;
            },
        };
        using PortDoor door = PortDoor.Open(Path);
        Task serving = door.ServeAsync(owner, Stop);
        using PassedPort passed = await TakeAsync();
        passed.Handle.Dispose();
        Task<PortWord> said = passed.FollowAsync(7, Stop);
        await HearAsync(owner, "release", "follow 7");
        if (hasJoined)
        {
            Assert.AreEqual(PortWord.Joined, await said);
            said = passed.MoveAsync("new", TimeSpan.FromSeconds(60), Stop);
            await HearAsync(owner, "move to new in 60 s");
        }

        if (hasMoved)
        {
            Assert.AreEqual(PortWord.Done, await said);
        }

        silence.SetResult();
        await HearAsync(owner, "stay", "take back");
        Assert.AreEqual(PortWord.Keep, await (hasMoved ? passed.KeepAsync(Stop) : said), "should it wake, it learns that it is late");
        Assert.IsFalse(serving.IsCompleted);
    }

    /// <summary>Goal: whoever is in one process with its successor, as these tests are, does not end itself; and nobody ends one that is gone, whose number may be another's.</summary>
    [TestMethod]
    public void Only_another_process_is_ended()
    {
        using Socket door = LocalSockets.OpenDoor(Path);
        Socket caller = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        caller.Connect(new UnixDomainSocketEndPoint(Path));
        using Socket met = door.Accept();
        SocketPeer peer = new(met);
        Assert.AreEqual(Environment.ProcessId, peer.Id);
        Assert.AreEqual(1, caller.Send(new byte[1]));
        Assert.IsNull(peer.End());
        Assert.AreEqual(1, caller.Send(new byte[1]));
        caller.Dispose();
        Assert.IsNull(peer.End());
        Assert.IsFalse(peer.HasGoneOn);
    }

    /// <summary>Goal: "I go on without you" is heard behind other words, and never in the port of a control that ends with the same octet: who leaves for that leaves to nobody.</summary>
    [TestMethod]
    public void A_port_is_no_word()
    {
        using Socket unused = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        SocketPeer peer = new(unused);
        peer.Hear([PortDoor.Control, 0x12, PortDoor.GoOn]);
        peer.Hear([PortDoor.Accept]);
        Assert.IsFalse(peer.HasGoneOn);
        peer.Hear([PortDoor.Accept, PortDoor.GoOn]);
        Assert.IsTrue(peer.HasGoneOn);
        SocketPeer other = new(unused);
        other.Hear([PortDoor.Control, 0x12, 0x34, PortDoor.GoOn]);
        Assert.IsTrue(other.HasGoneOn);
    }

    /// <summary>Goal: a process that hangs is ended, unless it has another port for good: whoever is served there would be lost with it.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Who_has_another_port_for_good_is_not_ended()
    {
        using Process hangs = Process.Start("sleep", "600");
        using Process keeps = Process.Start("sleep", "600");
        try
        {
            SocketPeer.Spare(keeps.Id);
            Assert.Contains("by hand", SocketPeer.End(keeps.Id));
            Assert.Contains("SIGKILL", SocketPeer.End(hangs.Id));
            await hangs.WaitForExitAsync(Stop);
            Assert.AreEqual(137, hangs.ExitCode);
            Assert.IsFalse(keeps.HasExited);
        }
        finally
        {
            keeps.Kill();
        }
    }

    /// <summary>
    /// Goal: a predecessor that was stopped for so long that its successor has gone on without it leaves when it wakes, whatever it was at, and does not wait for the port.
    /// Method: the successor says so while it moves, instead of its answer, when it has been told that it is late, and when the port is wanted back already.
    /// </summary>
    [TestMethod]
    [DataRow("move")]
    [DataRow("keep")]
    [DataRow("late")]
    [DataRow("take back")]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task One_whose_successor_has_gone_on_leaves(string moment)
    {
        PassedPort? passed = null;
        FakePortOwner owner = new()
        {
            PublicSocket = _port.SafeHandle,
            Silence = moment == "take back" ? Task.CompletedTask : null,
            Moves = async over =>
            {
                await (moment is "move" or "take back" ? Never.EndsAsync(over) : Task.CompletedTask);
                return moment == "keep";
            },
            TakesBack = peer =>
            {
                peer.Look();
                Assert.IsFalse(peer.HasGoneOn);
                GoOn(passed!);
                peer.Look();
                return Task.FromResult(!peer.HasGoneOn);
            },
        };
        using PortDoor door = PortDoor.Open(Path);
        Task serving = door.ServeAsync(owner, Stop);
        passed = await TakeAsync();
        passed.Handle.Dispose();
        Task<PortWord> said = passed.FollowAsync(7, Stop);
        if (moment != "take back")
        {
            Assert.AreEqual(PortWord.Joined, await said);
            said = passed.MoveAsync("new", TimeSpan.FromSeconds(60), Stop);
            await HearAsync(owner, "release", "follow 7", "move to new in 60 s");
            PortWord word = moment == "move" ? default : await said;
            Assert.AreEqual(moment switch { "late" => PortWord.Keep, "keep" => PortWord.Done, _ => default }, word);
            GoOn(passed);
        }

        await serving;
        await ((Task)said).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Goal: whoever serves says its name at its door, also while it is being replaced; an end is no answer.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Who_serves_can_be_asked_for()
    {
        Assert.IsNull(await PassedPort.WhoAsync(Path, Stop));
        using PortDoor door = PortDoor.Open(Path);
        _ = door.ServeAsync(Owner(), Stop);
        Assert.AreEqual("old", await PassedPort.WhoAsync(Path, Stop));
        using PassedPort passed = await TakeAsync();
        passed.Handle.Dispose();
        Assert.AreEqual("old", await PassedPort.WhoAsync(Path, Stop));
        door.Dispose();
        Assert.IsNull(await PassedPort.WhoAsync(Path, Stop));
    }

    /// <summary>Goal: silence is what a node that is well does not hear: not one that has failed itself, nor one that was away, however long.</summary>
    [TestMethod]
    public async Task Silence_is_counted_in_looks_of_a_node_that_is_well()
    {
        Queue<NodeHealth> looks = new([new(0, [], null), new(1, [], null), new(0, [], null), new(0, [], "it has failed"), new(0, [], null), new(0, [], null), new(0, [], null)]);
        await PortOwner.SilenceAsync(TimeSpan.FromSeconds(0.5), _ => Task.FromResult(looks.Dequeue()), _ => Task.CompletedTask, Stop);
        Assert.IsEmpty(looks);
    }

    /// <summary>Goal: a predecessor that ends says nothing, which is not that it keeps something: whoever has the port goes on.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_predecessor_that_ends_is_gone(bool hasJoined)
    {
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        FakePortOwner owner = new()
        {
            PublicSocket = _port.SafeHandle,
            Follows = hasJoined ? () => Task.CompletedTask : end.CancelAsync,
            Moves = async over =>
            {
                await end.CancelAsync();
                over.ThrowIfCancellationRequested();
                return true;
            },
        };
        using PortDoor door = PortDoor.Open(Path);
        Task serving = door.ServeAsync(owner, end.Token);
        using PassedPort passed = await TakeAsync();
        passed.Handle.Dispose();
        PortWord word = await passed.FollowAsync(7, Stop);
        Assert.AreEqual(PortWord.Gone, hasJoined ? await passed.MoveAsync("new", TimeSpan.FromSeconds(60), Stop) : word);
        Assert.IsTrue(passed.IsGone);
        await Assert.ThrowsAsync<OperationCanceledException>(() => serving);
    }

    /// <summary>Goal: whoever is silent at the door is not waited for without an end, and is told from one that is gone.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_predecessor_that_says_nothing_is_an_error()
    {
        using Socket door = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        door.Bind(new UnixDomainSocketEndPoint(Path));
        door.Listen();
        // Its whole patience passes.
        IOException silent = await Assert.ThrowsExactlyAsync<IOException>(() => PassedPort.TakeAsync(Path, ["web"], Stop, patience: TimeSpan.FromMilliseconds(1)));
        Assert.Contains("does not answer", silent.Message);
    }

    /// <summary>Goal: when the port cannot be taken back for good, who serves hears of it.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_port_that_is_lost_is_no_secret()
    {
        FakePortOwner owner = new() { PublicSocket = _port.SafeHandle, Fault = new DirectoryLogException("damaged") };
        using PortDoor door = PortDoor.Open(Path);
        Task serving = door.ServeAsync(owner, Stop);
        using (PassedPort passed = await TakeAsync())
        {
            passed.Handle.Dispose();
        }

        await Assert.ThrowsExactlyAsync<DirectoryLogException>(() => serving);
    }

    /// <summary>As a successor does at its end.</summary>
    private static void GoOn(PassedPort passed)
    {
        passed.GoOn();
        passed.Dispose();
    }

    private FakePortOwner Owner(Func<CancellationToken, Task<bool>>? moves = null) =>
        new() { PublicSocket = _port.SafeHandle, Moves = moves ?? (_ => Task.FromResult(true)) };

    private async Task<PassedPort> TakeAsync() => (await PassedPort.TakeAsync(Path, ["web", "more"], Stop))!;

    /// <summary>As soon as the one before is let go of.</summary>
    private async Task<PassedPort> NextAsync()
    {
        while (true)
        {
            try
            {
                return await TakeAsync();
            }
            catch (IOException refused) when (refused.Message.Contains("being replaced", StringComparison.Ordinal))
            {
                await Task.Yield();
            }
        }
    }

    private async Task HearAsync(FakePortOwner owner, params string[] asked)
    {
        foreach (string one in asked)
        {
            Assert.AreEqual(one, await owner.NextAsync(Stop));
        }
    }
}
