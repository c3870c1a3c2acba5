using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Net.Core.Io;
using Net.Http3.Server;
using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Core.Io;

namespace Net.Tests.Migration.Hosting;

/// <summary>An ingress with real nodes behind it, in one process over loopback. Every wait is bounded by <see cref="Stop"/>.</summary>
[TestClass]
public sealed class IngressWithNodesTests : IDisposable
{
    private readonly string _state = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromMinutes(2));

    private CancellationToken Stop => _stop.Token;

    public void Dispose()
    {
        _stop.Dispose();
        System.IO.Directory.Delete(_state, recursive: true);
    }

    /// <summary>Goal: two nodes join, the first owns the component, and commands move it there and back with an epoch each.</summary>
    [TestMethod]
    public async Task A_component_moves_between_nodes_by_command()
    {
        await using IngressHost ingress = await IngressHost.StartAsync(
            new()
            {
                Listen = new(IPAddress.Loopback, 0),
                Control = new(IPAddress.Loopback, 0),
                StateDirectory = _state,
                MemberCertificate = TestFederation.Instance.Member("ingress"),
                FederationRoots = TestFederation.Instance.Roots,
                // No node dies here, however long the machine stands still.
                FailureTimeout = TimeSpan.FromMinutes(1),
            },
            Stop);
        await using NodeHost a = await NodeAsync(ingress, "a", serves: true);
        await using ControlClient command =
            await ControlClient.ConnectAsync(ingress.ControlEndPoint, TestFederation.Instance.Member("admin"), TestFederation.Instance.Roots, Stop);
        while ((await command.StatusAsync(Stop)).Components.Count == 0)
        {
            await Task.Yield();
        }

        await using NodeHost b = await NodeAsync(ingress, "b", serves: true);
        await using NodeHost c = await NodeAsync(ingress, "c", serves: false);
        Assert.AreEqual("a", (await command.StatusAsync(Stop)).Components.Single().Record.Owner.Name);

        MigrateReport there = await command.MigrateAsync("web", "b", TimeSpan.FromSeconds(10), Stop);
        Assert.AreEqual((null, true, "a", "b", 2ul), (there.CodeName, there.Moved, there.From, there.To, there.Epoch), there.Message);
        MigrateReport again = await command.MigrateAsync("web", "b", TimeSpan.FromSeconds(10), Stop);
        Assert.AreEqual((null, false, 2ul), (again.CodeName, again.Moved, again.Epoch), again.Message);
        MigrateReport refused = await command.MigrateAsync("web", "c", TimeSpan.FromSeconds(10), Stop);
        Assert.AreEqual("c cannot host web: start it with --serve DIR", refused.Message);
        MigrateReport back = await command.MigrateAsync("web", "a", TimeSpan.FromSeconds(10), Stop);
        Assert.AreEqual((null, true, 3ul), (back.CodeName, back.Moved, back.Epoch), back.Message);
        Assert.AreEqual("a", (await command.StatusAsync(Stop)).Components.Single().Record.Owner.Name);
    }

    /// <summary>Goal: real processes' parts, one after the other: a checkpoint by command, a roll-back by the library, both after a move, and what cannot be.</summary>
    [TestMethod]
    public async Task A_component_goes_back_by_command_and_by_call()
    {
        await using IngressHost ingress = await IngressHost.StartAsync(
            new()
            {
                Listen = new(IPAddress.Loopback, 0),
                Control = new(IPAddress.Loopback, 0),
                StateDirectory = _state,
                MemberCertificate = TestFederation.Instance.Member("ingress"),
                FederationRoots = TestFederation.Instance.Roots,
                FailureTimeout = TimeSpan.FromMinutes(1),
            },
            Stop);
        Remembering atA = new() { Value = 1 }, atB = new();
        TaskCompletionSource served = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using NodeHost a = await NodeHost.StartAsync(
            Options(ingress, "a", serves: true) with { Components = [new("web", atA) { Serving = _ => served.TrySetResult() }, new("still", new Silent())] }, Stop);
        await served.Task.WaitAsync(Stop);
        await using NodeHost b = await NodeHost.StartAsync(Options(ingress, "b", serves: true) with { Components = [new("web", atB)] }, Stop);
        await using ControlClient command =
            await ControlClient.ConnectAsync(ingress.ControlEndPoint, TestFederation.Instance.Member("admin"), TestFederation.Instance.Roots, Stop);
        CheckpointReport made = await command.CheckpointAsync("web", CheckpointAction.Take, 0, TimeSpan.FromSeconds(25), Stop);
        Assert.AreEqual((MigrateCode.None, 1ul, "a"), (made.Code, made.Number, made.Owner), made.Message);
        atA.Value = 2;
        ComponentCheckpoint second = await a.CheckpointAsync("web", TimeSpan.FromSeconds(10), Stop);
        Assert.AreEqual(2ul, second.Number);
        atA.Value = 3;
        Assert.AreEqual(2ul, (await a.RollBackAsync("web", 0, TimeSpan.FromSeconds(10), Stop)).Number);
        Assert.AreEqual(2, atA.Value);

        Assert.IsTrue((await command.MigrateAsync("web", "b", TimeSpan.FromSeconds(10), Stop)).Moved);
        Assert.AreEqual(2, atB.Value);
        CheckpointReport back = await command.CheckpointAsync("web", CheckpointAction.RollBack, 1, TimeSpan.FromSeconds(25), Stop);
        Assert.AreEqual((MigrateCode.None, 1ul, "b", 2ul), (back.Code, back.Number, back.Owner, back.Epoch), back.Message);
        Assert.AreEqual(1, atB.Value);
        CheckpointException elsewhere = await Assert.ThrowsExactlyAsync<CheckpointException>(() => a.RollBackAsync("web", 1, TimeSpan.FromSeconds(10), Stop));
        Assert.AreEqual("a does not own web", elsewhere.Message);
        CheckpointException unknown = await Assert.ThrowsExactlyAsync<CheckpointException>(() => b.RollBackAsync("web", 2, TimeSpan.FromSeconds(10), Stop));
        Assert.AreEqual("web has no checkpoint 2: it has 1", unknown.Message);
        CheckpointException stateless = await Assert.ThrowsExactlyAsync<CheckpointException>(() => a.CheckpointAsync("still", TimeSpan.FromSeconds(10), Stop));
        Assert.AreEqual("still has no state that could go back: its component has to be an IStatefulComponent", stateless.Message);
    }

    /// <summary>
    /// Goal: a node that has given everything away, and is the only one left when its successor dies, takes over again; and does not leave with what it has got, but gives it
    /// to the next host first.
    /// </summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task One_that_leaves_does_not_take_along_what_came_meanwhile(bool comesAsLast)
    {
        await using IngressHost ingress = await IngressHost.StartAsync(
            new()
            {
                Listen = new(IPAddress.Loopback, 0),
                Control = new(IPAddress.Loopback, 0),
                StateDirectory = _state,
                MemberCertificate = TestFederation.Instance.Member("ingress"),
                FederationRoots = TestFederation.Instance.Roots,
                FailureTimeout = TimeSpan.FromMinutes(1),
            },
            Stop);
        await using FakeNode successor = await FakeNode.JoinAsync(ingress, "b", 1, Stop, "web");
        Assert.AreEqual(OwnershipOutcome.Done, (await successor.AskAsync(new CreateOwnership(1, "web", successor.Member), Stop)).Outcome);
        TaskCompletionSource<string> served = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Channel<string> said = Channel.CreateUnbounded<string>();
        await using NodeHost a = await NodeHost.StartAsync(Options(ingress, "a", serves: true) with { Log = line => said.Writer.TryWrite(line) }, Stop);
        successor.Say(new LeaveMessage());
        while (!(await said.Reader.ReadAsync(Stop)).StartsWith("took web over", StringComparison.Ordinal))
        {
        }

        NodeHost? c = comesAsLast ? null : await NodeAsync(ingress, "c", serves: true);
        Task leaving = a.LeaveAsync();
        if (c is null)
        {
            // Nobody is there to take it: it has asked once, and goes on.
            Assert.IsFalse(leaving.IsCompleted);
            c = await NodeAsync(ingress, "c", serves: true);
        }

        await using (c)
        {
            await leaving.WaitAsync(Stop);
            await using ControlClient command =
                await ControlClient.ConnectAsync(ingress.ControlEndPoint, TestFederation.Instance.Member("admin"), TestFederation.Instance.Roots, Stop);
            OwnershipRecord record = (await command.StatusAsync(Stop)).Components.Single().Record;
            Assert.AreEqual(("c", 3ul), (record.Owner.Name, record.Epoch));
            Assert.IsFalse(record.SnapshotHash.IsNone, "by an ordinary move, with its connections");
        }
    }

    /// <summary>Goal: a node gives a removed member, and one with another certificate than the roster's, not even its hello; a member gets it.</summary>
    [TestMethod]
    public async Task A_node_has_no_link_with_who_was_removed()
    {
        X509Certificate2 front = TestFederation.Instance.Member("ingress");
        await using IngressHost ingress = await IngressHost.StartAsync(
            new()
            {
                Listen = new(IPAddress.Loopback, 0),
                Control = new(IPAddress.Loopback, 0),
                StateDirectory = _state,
                MemberCertificate = front,
                FederationRoots = TestFederation.Instance.Roots,
                FailureTimeout = TimeSpan.FromMinutes(1),
            },
            Stop);
        X509Certificate2 a = TestFederation.Instance.Member("a"), b = TestFederation.Instance.Member("b"), removed = TestFederation.Instance.Member("removed");
        Roster roster = Roster.Sign(
            1, 1, [new("ingress", Print(front), false), new("a", Print(a), false), new("b", Print(b), false), new("removed", Print(removed), true)], TestFederation.Instance.Authority);
        await using NodeHost node = await NodeHost.StartAsync(Options(ingress, "a", serves: true) with { MemberCertificate = a, Roster = roster.Text }, Stop);
        Assert.IsTrue(await IsGreetedAsync(node, b));
        Assert.IsFalse(await IsGreetedAsync(node, removed));
        Assert.IsFalse(await IsGreetedAsync(node, TestFederation.Instance.Member("b")), "the name alone is nothing");
    }

    private static string Print(X509Certificate2 certificate) => Roster.FingerprintOf(certificate);

    private async Task<bool> IsGreetedAsync(NodeHost node, X509Certificate2 certificate)
    {
        try
        {
            (QuicConnection connection, QuicStream stream) =
                await ControlTls.ConnectAsync(node.LinkEndPoint, LinkCodec.MigrationAlpn, certificate, TestFederation.Instance.Roots, Stop);
            await using (connection)
            {
                await stream.WriteAsync(LinkCodec.Write(HelloMessage.Ours), Stop);
                return await stream.ReadAsync(new byte[64], Stop) > 0;
            }
        }
        catch (Exception e) when (e is QuicException or IOException)
        {
            return false;
        }
    }

    private Task<NodeHost> NodeAsync(IngressHost ingress, string name, bool serves) => NodeHost.StartAsync(Options(ingress, name, serves), Stop);

    private static NodeOptions Options(IngressHost ingress, string name, bool serves) =>
        new()
        {
            Name = name,
            Join = ingress.ControlEndPoint,
            Components = serves ? [new("web", new Silent())] : [],
            ServerCertificate = TestPki.Instance.Server,
            MemberCertificate = TestFederation.Instance.Member(name),
            FederationRoots = TestFederation.Instance.Roots,
        };

    private sealed class Remembering : IComponent, IStatefulComponent
    {
        public int Value { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

        public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken) => exchange.RespondAsync(204);

        public void Save(System.Buffers.IBufferWriter<byte> writer)
        {
            BitConverter.TryWriteBytes(writer.GetSpan(sizeof(int)), Value);
            writer.Advance(sizeof(int));
        }

        public void Restore(ReadOnlyMemory<byte> state) => Value = BitConverter.ToInt32(state.Span);
    }

    private sealed class Silent : IComponent
    {
        public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken) => exchange.RespondAsync(204);
    }
}
