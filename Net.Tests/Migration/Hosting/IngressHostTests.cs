using System.Net;
using System.Net.Sockets;
using Net.Core.Crypto;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

/// <summary>A whole ingress on loopback, with members and clients over real sockets. Every wait is bounded by <see cref="Stop"/>.</summary>
[TestClass]
public sealed class IngressHostTests : IDisposable
{
    /// <summary>Of these tests alone, where the system has more than one: they bind ports a second time, which nobody else may have taken meanwhile.</summary>
    private static readonly IPAddress s_address = OperatingSystem.IsLinux() ? new([127, 0, 77, 1]) : IPAddress.Loopback;

    private readonly string _state = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromMinutes(2));

    private CidCipher? _cipher;

    private CancellationToken Stop => _stop.Token;

    public void Dispose()
    {
        _stop.Dispose();
        if (System.IO.Directory.Exists(_state))
        {
            System.IO.Directory.Delete(_state, recursive: true);
        }
    }

    /// <summary>Goal: a member joins over mutual TLS, owns a component durably, and a restarted ingress has the same record and keys.</summary>
    [TestMethod]
    public async Task A_restarted_ingress_knows_what_it_has_answered()
    {
        FederationKeys keys;
        await using (IngressHost ingress = await StartAsync())
        {
            await using FakeNode a = await FakeNode.ConnectAsync(ingress, "a", 1, Stop);
            a.SayJoin("web");
            keys = (await a.ReadAsync<WelcomeMessage>(Stop)).Keys;
            Assert.AreEqual(OwnershipOutcome.Done, (await a.AskAsync(new CreateOwnership(1, "web", a.Member), Stop)).Outcome);
        }

        await using IngressHost again = await StartAsync();
        await using FakeNode same = await FakeNode.ConnectAsync(again, "a", 1, Stop);
        same.SayJoin("web");
        Assert.AreEqual(keys, (await same.ReadAsync<WelcomeMessage>(Stop)).Keys);
        Assert.AreEqual(same.Member, (await same.ReadAsync<DirectoryUpdateMessage>(Stop)).Record.Owner);
    }

    /// <summary>Goal: another federation's certificate gets no link, and another member's name no membership.</summary>
    [TestMethod]
    public async Task Strangers_and_impostors_stay_outside()
    {
        await using IngressHost ingress = await StartAsync();
        // The client's handshake ends before the server has judged its certificate: so the link is what fails.
        await Assert.ThrowsAsync<Exception>(async () =>
        {
            await using FakeNode stranger = await FakeNode.ConnectAsync(ingress, "a", 1, Stop, new TestFederation().Member("a"));
            stranger.SayJoin("web");
            _ = await stranger.ReadAsync<WelcomeMessage>(Stop);
        });
        Assert.IsFalse(Stop.IsCancellationRequested);
        await using FakeNode impostor = await FakeNode.ConnectAsync(ingress, "a", 1, Stop, TestFederation.Instance.Member("b"));
        impostor.SayJoin("web");
        Assert.AreEqual("the certificate names b, not a", (await impostor.ReadAsync<JoinRefusedMessage>(Stop)).Reason);
    }

    /// <summary>Goal: a client's datagram reaches the owner behind a tagged header, and the owner's answer the client, both unchanged.</summary>
    [TestMethod]
    public async Task Datagrams_go_to_the_owner_and_back()
    {
        await using IngressHost ingress = await StartAsync();
        await using FakeNode a = await OwnerAsync(ingress);
        using Socket client = Client(ingress);
        byte[][] sent = [Datagram(1, 900), Datagram(2, 900), Datagram(3, 300)];
        foreach (byte[] datagram in sent)
        {
            _ = client.Send(datagram);
        }

        IngressHeader header = default;
        foreach (byte[] datagram in sent)
        {
            (header, byte[] body) = await a.ReceiveAsync(Stop);
            CollectionAssert.AreEqual(datagram, body);
            Assert.AreEqual((IngressDatagram.Data, 1u, 1ul), (header.Type, header.Shard, header.Epoch));
            Assert.AreEqual(UdpAddress.FromEndPoint((IPEndPoint)client.LocalEndPoint!), header.Client);
            Assert.AreEqual(UdpAddress.FromEndPoint(ingress.PublicEndPoint), header.Public);
        }

        a.SendData(header, [9, 9, 9], spoilTag: true);
        a.SendData(header, [1, 2, 3]);
        a.SendData(header, [4, 5]);
        CollectionAssert.AreEqual(new byte[] { 1, 2, 3 }, await ReceiveAsync(client));
        CollectionAssert.AreEqual(new byte[] { 4, 5 }, await ReceiveAsync(client));
    }

    /// <summary>Goal: behind the owner's marker datagrams are kept; when it resumes they come first and in order.</summary>
    [TestMethod]
    public async Task Behind_a_marker_the_ingress_buffers()
    {
        await using IngressHost ingress = await StartAsync();
        await using FakeNode a = await OwnerAsync(ingress);
        using Socket client = Client(ingress);
        _ = client.Send(Datagram(0, 100));
        (IngressHeader header, _) = await a.ReceiveAsync(Stop);

        a.SendMarker(IngressDatagram.Marker, 1, 1, 1);
        // One socket and one thread: who sees this knows that the marker was obeyed.
        a.SendData(header, [1]);
        _ = await ReceiveAsync(client);
        for (byte i = 1; i <= 5; i++)
        {
            _ = client.Send(Datagram(i, 100 + i));
        }

        while (ingress.Forwarder.Counters().Held < 5)
        {
            Stop.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        a.SendMarker(IngressDatagram.ResumeMarker, 1, 1, 1);
        a.SendData(header, [2]);
        _ = await ReceiveAsync(client);
        _ = client.Send(Datagram(6, 100));
        for (byte i = 1; i <= 6; i++)
        {
            Assert.AreEqual(i, (await a.ReceiveAsync(Stop)).Body[^1]);
        }
    }

    /// <summary>Goal: after a commit clients' datagrams go to the new owner, and what the old one still sends does not pass.</summary>
    [TestMethod]
    public async Task A_commit_moves_the_datagrams_and_fences_the_old_owner()
    {
        await using IngressHost ingress = await StartAsync();
        await using FakeNode a = await OwnerAsync(ingress);
        await using FakeNode b = await FakeNode.JoinAsync(ingress, "b", 3, Stop, "web");
        using Socket client = Client(ingress);
        _ = client.Send(Datagram(1, 100));
        (IngressHeader old, _) = await a.ReceiveAsync(Stop);
        Assert.AreEqual(OwnershipOutcome.Done, (await a.AskAsync(DeskWorld.Move(a.Member, 1, b.Member), Stop)).Outcome);
        _ = client.Send(Datagram(2, 100));
        (IngressHeader header, byte[] body) = await b.ReceiveAsync(Stop);
        Assert.AreEqual((2ul, (byte)2), (header.Epoch, body[^1]));
        a.SendData(old, [1]);
        while (ingress.Forwarder.Counters().Fenced == 0)
        {
            Stop.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        b.SendData(header, [2]);
        CollectionAssert.AreEqual(new byte[] { 2 }, await ReceiveAsync(client));
    }

    /// <summary>Goal: what is for nobody vanishes: the client never learns that nothing is there.</summary>
    [TestMethod]
    public async Task What_is_for_nobody_vanishes()
    {
        await using IngressHost ingress = await StartAsync();
        await using FakeNode a = await OwnerAsync(ingress);
        using Socket client = Client(ingress);
        _ = client.Send([1, 2, 3]);
        _ = client.Send(Datagram(1, 100, shard: 77));
        _ = client.Send(Datagram(2, 100));
        Assert.AreEqual((byte)2, (await a.ReceiveAsync(Stop)).Body[^1]);
        Assert.AreEqual(2L, ingress.Forwarder.Counters().Unroutable);
        Assert.AreEqual(0, client.Available);
    }

    /// <summary>Goal: an owner that falls silent is replaced by the next host, which is told that nothing of the old one can come any more.</summary>
    [TestMethod]
    public async Task A_silent_owner_is_replaced()
    {
        await using IngressHost ingress = await StartAsync(TimeSpan.FromSeconds(1));
        await using FakeNode a = await OwnerAsync(ingress);
        await using FakeNode b = await FakeNode.JoinAsync(ingress, "b", 3, Stop, "web");
        using CancellationTokenSource silence = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        Task beating = BeatAsync(b, silence.Token);
        TakeOverMessage order = await b.ReadAsync<TakeOverMessage>(Stop);
        Assert.AreEqual((b.Member, 2ul), (order.Record.Owner, order.Record.Epoch));
        b.Say(new FenceAskMessage(order.Record.Shard, order.Record.Epoch));
        Assert.AreEqual(2ul, (await b.ReadAsync<FenceConfirmMessage>(Stop)).Epoch);
        await silence.CancelAsync();
        await beating;
    }

    /// <summary>Goal: commands see what is where, and moves come back as their owner or the ingress has answered them.</summary>
    [TestMethod]
    public async Task Commands_ask_for_status_and_moves()
    {
        await using IngressHost ingress = await StartAsync();
        await using FakeNode a = await OwnerAsync(ingress);
        await using FakeNode b = await FakeNode.JoinAsync(ingress, "b", 3, Stop, "web");
        await using ControlClient command =
            await ControlClient.ConnectAsync(ingress.ControlEndPoint, TestFederation.Instance.Member("admin"), TestFederation.Instance.Roots, Stop);
        StatusReplyMessage status = await command.StatusAsync(Stop);
        Assert.AreEqual(UdpAddress.FromEndPoint(ingress.PublicEndPoint), status.Ingress);
        Assert.AreEqual(a.Member, status.Components.Single().Record.Owner);
        Assert.AreEqual(2, status.Nodes.Count);

        MigrateReport refused = await command.MigrateAsync("web", "x", TimeSpan.FromSeconds(1), Stop);
        Assert.AreEqual("unknown-node", refused.CodeName);
        Task<MigrateReport> moving = command.MigrateAsync("web", "b", TimeSpan.FromSeconds(9), Stop);
        MigrateMessage order = await a.ReadAsync<MigrateMessage>(Stop);
        MigrateReport report = new("web", "a", "b", 2, true, 3, 0, TimeSpan.FromMilliseconds(2), 999, MigrateCode.None, "");
        a.Say(new MigrateReplyMessage(order.Id, report));
        Assert.AreEqual(report, await moving);
    }

    /// <summary>Goal: a command whose ingress goes away fails instead of waiting.</summary>
    [TestMethod]
    public async Task A_command_notices_that_the_ingress_ended()
    {
        IngressHost ingress = await StartAsync();
        await using FakeNode a = await OwnerAsync(ingress);
        _ = await FakeNode.JoinAsync(ingress, "b", 3, Stop, "web");
        await using ControlClient command =
            await ControlClient.ConnectAsync(ingress.ControlEndPoint, TestFederation.Instance.Member("admin"), TestFederation.Instance.Roots, Stop);
        Task<MigrateReport> moving = command.MigrateAsync("web", "b", TimeSpan.FromSeconds(20), Stop);
        _ = await a.ReadAsync<MigrateMessage>(Stop);
        await ingress.DisposeAsync();
        _ = await Assert.ThrowsAsync<IOException>(() => moving);
        await ingress.Completion;
    }

    /// <summary>Goal: a port or a state directory that is in use, and a log that is damaged, end the start with their reason, and release what was taken.</summary>
    [TestMethod]
    public async Task A_start_that_fails_says_why_and_leaves_nothing_behind()
    {
        await using IngressHost first = await StartAsync();
        AddressInUseException taken = await Assert.ThrowsExactlyAsync<AddressInUseException>(() => StartAsync(listen: first.PublicEndPoint));
        Assert.AreEqual($"{first.PublicEndPoint} is in use", taken.Message);
        taken = await Assert.ThrowsExactlyAsync<AddressInUseException>(() => StartAsync(control: first.ControlEndPoint));
        Assert.AreEqual($"{first.ControlEndPoint} is in use", taken.Message);
        IOException locked = await Assert.ThrowsExactlyAsync<IOException>(() => StartAsync());
        Assert.Contains("in use", locked.Message);
        IPEndPoint listen = first.PublicEndPoint, control = first.ControlEndPoint;
        await first.DisposeAsync();

        string log = Path.Combine(_state, "directory.log");
        await File.WriteAllTextAsync(log, "this was not written by an ingress");
        _ = await Assert.ThrowsExactlyAsync<DirectoryLogException>(() => StartAsync(listen: listen, control: control));
        File.Delete(log);
        await using IngressHost last = await StartAsync(listen: listen, control: control);
        Assert.AreEqual(listen, last.PublicEndPoint);
    }

    /// <summary>
    /// Goal: an ingress that ends for another one on its socket loses nothing: what a client has sent before is answered, what it has sent since waits in the socket,
    /// what a node has sent before its silence reaches the client, and the one that follows has all that was held, in order and before what waits.
    /// </summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public async Task Nothing_is_lost_between_two_ingresses_of_one_socket()
    {
        using Socket holder = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        IngressHost first = await StartAsync(lent: new(holder.SafeHandle.DangerousGetHandle(), ownsHandle: false));
        FakeNode a = await OwnerAsync(first);
        using Socket client = Client(first);
        _ = client.Send(Datagram(0, 100));
        (IngressHeader header, _) = await a.ReceiveAsync(Stop);
        a.SendMarker(IngressDatagram.Marker, 1, 1, 1);
        a.SendData(header, [1]);
        _ = await ReceiveAsync(client);
        _ = client.Send(Datagram(1, 101));
        _ = client.Send(Datagram(2, 400));
        while (first.Forwarder.Counters().Held < 2)
        {
            Stop.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        IReadOnlyList<HeldDatagram> kept = await first.CloseAsync(() =>
        {
            // Nobody reads from clients by now, and the node's last words are not heard yet.
            _ = client.Send(Datagram(3, 100));
            a.SendData(header, [2]);
            return Task.CompletedTask;
        });
        CollectionAssert.AreEqual(new byte[] { 2 }, await ReceiveAsync(client));
        CollectionAssert.AreEqual(new byte[] { 1, 2 }, kept.Select(datagram => datagram.Bytes[^1]).ToArray());
        await a.DisposeAsync();

        await using IngressHost second = await StartAsync(lent: new(holder.SafeHandle.DangerousGetHandle(), ownsHandle: false), kept: kept);
        await using FakeNode same = await FakeNode.JoinAsync(second, "a", 1, Stop, "web");
        for (byte i = 1; i <= 3; i++)
        {
            (header, byte[] body) = await same.ReceiveAsync(Stop);
            Assert.AreEqual((i, UdpAddress.FromEndPoint((IPEndPoint)client.LocalEndPoint!)), (body[^1], header.Client));
        }
    }

    /// <summary>Goal: an ingress that cannot end as it should for another one ends all the same, and lets go of its log.</summary>
    [TestMethod]
    public async Task An_end_that_fails_is_an_end()
    {
        IngressHost first = await StartAsync();
        await Assert.ThrowsExactlyAsync<InvalidOperationException>(() => first.CloseAsync(() => throw new InvalidOperationException("a node that cannot be asked")));
        await using IngressHost next = await StartAsync();
        await first.DisposeAsync();
    }

    /// <summary>Goal: the public socket can be lent, so that a holder keeps the port open whatever becomes of the ingress.</summary>
    [TestMethod]
    public async Task A_lent_socket_is_the_public_one()
    {
        using Socket holder = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using IngressHost ingress = await StartAsync(lent: holder.SafeHandle);
        Assert.AreEqual(holder.LocalEndPoint, ingress.PublicEndPoint);
    }

    private Task<IngressHost> StartAsync(
        TimeSpan? failureTimeout = null, IPEndPoint? listen = null, IPEndPoint? control = null, SafeSocketHandle? lent = null,
        IReadOnlyList<HeldDatagram>? kept = null) => IngressHost.StartAsync(
        new()
        {
            PublicSocket = lent,
            Kept = kept ?? [],
            Listen = listen ?? new(s_address, 0),
            Control = control ?? new(s_address, 0),
            StateDirectory = _state,
            MemberCertificate = TestFederation.Instance.Member("ingress"),
            FederationRoots = TestFederation.Instance.Roots,
            FailureTimeout = failureTimeout ?? TimeSpan.FromMinutes(1),
        },
        Stop);

    private async Task<FakeNode> OwnerAsync(IngressHost ingress)
    {
        FakeNode node = await FakeNode.JoinAsync(ingress, "a", 1, Stop, "web");
        Assert.AreEqual(OwnershipOutcome.Done, (await node.AskAsync(new CreateOwnership(1, "web", node.Member), Stop)).Outcome);
        _cipher = node.Cipher;
        return node;
    }

    private static Socket Client(IngressHost ingress)
    {
        Socket client = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        client.Connect(ingress.PublicEndPoint);
        return client;
    }

    private async Task<byte[]> ReceiveAsync(Socket client)
    {
        byte[] buffer = new byte[65_536];
        return buffer[..await client.ReceiveAsync(buffer, SocketFlags.None, Stop)];
    }

    /// <summary>A short header whose destination ID names a shard; the last byte tells it from others.</summary>
    private byte[] Datagram(byte last, int length, uint shard = 1)
    {
        byte[] datagram = new byte[length];
        datagram[0] = 0x40;
        CidLayout.Write(datagram.AsSpan(1), 0, shard, [1, 2, 3, 4, 5, 6, 7, 8], _cipher);
        datagram[^1] = last;
        return datagram;
    }

    /// <summary>As a node does, and as much more often as these ingresses are less patient; nothing in a test waits for a beat.</summary>
    private static async Task BeatAsync(FakeNode node, CancellationToken stop)
    {
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(100));
        using CancellationTokenRegistration end = stop.UnsafeRegister(static timer => ((PeriodicTimer)timer!).Dispose(), timer);
        ulong number = 0;
        do
        {
            node.Say(new HeartbeatMessage(++number, []));
        }
        while (await timer.WaitForNextTickAsync(CancellationToken.None));
    }
}
