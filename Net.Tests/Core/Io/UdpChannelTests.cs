using System.Net;
using System.Net.Sockets;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class UdpChannelTests
{
    private static readonly UdpChannelOptions s_portable = new() { Portable = true };
    private static readonly UdpChannelOptions s_plain = new() { Offload = false };

    public static IEnumerable<(string Kind, string Address)> Kinds =>
    [
        ("fast", "127.0.0.1:0"), ("fast", "[::1]:0"), ("plain", "127.0.0.1:0"), ("plain", "[::1]:0"), ("portable", "127.0.0.1:0"), ("portable", "[::1]:0"),
    ];

    /// <summary>Goal: a burst of segments, the last one short, arrives as single datagrams in order, byte for byte, over every kind of channel.</summary>
    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void A_burst_arrives_as_its_datagrams(string kind, string address)
    {
        using IDatagramChannel sender = Bind(address, kind), receiver = Bind(address, kind);
        byte[] burst = Pattern((43 * 1200) + 77);

        Assert.IsTrue(sender.TrySend(burst, Burst(sender, receiver.Local, burst.Length, 1200)));

        List<Arrival> arrivals = Receive(receiver, 44);
        Assert.HasCount(44, arrivals);
        Assert.IsTrue(arrivals.Take(43).All(a => a.Bytes.Length == 1200));
        CollectionAssert.AreEqual(burst, arrivals.SelectMany(a => a.Bytes).ToArray());
        Assert.IsTrue(arrivals.All(a => a.Path.Remote == sender.Local && a.Path.Local == receiver.Local));
    }

    /// <summary>Goal: how far a transmit came that was given up is nothing to the next one, over every kind of channel.</summary>
    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void A_transmit_given_up_is_nothing_to_the_next(string kind, string address)
    {
        using IDatagramChannel sender = Bind(address, kind), receiver = Bind(address, kind);
        using PathSockets paths = new(sender);
        // As a full queue leaves it, which loopback never has.
        if (sender is LinuxUdpChannel fast && OperatingSystem.IsLinux())
        {
            ProgressOf(fast) = 1200;
        }
        else
        {
            ProgressOf((PortableUdpChannel)sender) = 1200;
        }

        paths.Forget();
        byte[] burst = Pattern(3 * 1200);
        Assert.IsTrue(paths.TrySend(burst, Burst(sender, receiver.Local, burst.Length, 1200)));
        CollectionAssert.AreEqual(burst, Receive(receiver, 3).SelectMany(a => a.Bytes).ToArray());
    }

    [System.Runtime.CompilerServices.UnsafeAccessor(System.Runtime.CompilerServices.UnsafeAccessorKind.Field, Name = "_progress")]
    private static extern ref int ProgressOf(LinuxUdpChannel channel);

    [System.Runtime.CompilerServices.UnsafeAccessor(System.Runtime.CompilerServices.UnsafeAccessorKind.Field, Name = "_progress")]
    private static extern ref int ProgressOf(PortableUdpChannel channel);

    /// <summary>Goal: on a kernel with GSO and GRO a burst is one receive call, which is where the speed comes from.</summary>
    [TestMethod]
    public void A_burst_is_received_in_one_call()
    {
        using IDatagramChannel sender = Bind("127.0.0.1:0", "fast"), receiver = Bind("127.0.0.1:0", "fast");
        if (!LinuxUdpChannel.IsSupported || sender is not LinuxUdpChannel { SendsBursts: true } || receiver is not LinuxUdpChannel { ReceivesBursts: true })
        {
            Assert.Inconclusive("this system has no GSO or GRO");
            return;
        }

        byte[] burst = Pattern(40 * 1200);
        Assert.IsTrue(sender.TrySend(burst, Burst(sender, receiver.Local, burst.Length, 1200)));

        ReceiveBatch batch = new();
        receiver.Wait(TimeSpan.FromSeconds(5));
        Assert.IsTrue(receiver.TryReceive(batch));
        Assert.AreEqual(1, batch.Entries);
        Assert.AreEqual(40, batch.Datagrams);
    }

    /// <summary>Goal: more segments and bytes than one system call takes are cut into several, none lost.</summary>
    [TestMethod]
    [DataRow(100, 1000)]
    [DataRow(64, 1452)]
    [DataRow(130, 50)]
    public void A_burst_beyond_the_kernels_limits_is_cut(int segments, int size)
    {
        using IDatagramChannel sender = Bind("127.0.0.1:0", "fast"), receiver = Bind("127.0.0.1:0", "fast");
        byte[] burst = Pattern(segments * size);

        Assert.IsTrue(sender.TrySend(burst, Burst(sender, receiver.Local, burst.Length, size)));

        CollectionAssert.AreEqual(burst, Receive(receiver, segments).SelectMany(a => a.Bytes).ToArray());
    }

    /// <summary>Goal: transmits that are sent together arrive as if each had been sent alone, whatever the kernel must be spared: in order, with their marks.</summary>
    [TestMethod]
    [DataRow("fast")]
    [DataRow("plain")]
    [DataRow("portable")]
    public void Transmits_that_are_sent_together_arrive_in_order(string kind)
    {
        using IDatagramChannel sender = Bind("127.0.0.1:0", kind), receiver = Bind("127.0.0.1:0", kind);
        NetworkPath path = new(receiver.Local, default, 0);
        List<Transmit> transmits = [.. Enumerable.Range(1, 70).Select(i => new Transmit(path, i, 1, i, i % 2 == 0 ? Ecn.Ect0 : Ecn.NotEct))];
        transmits.AddRange([
            new(path, 1200, 3, 2500, Ecn.NotEct), new(path, 500, 100, 50_000, Ecn.NotEct),
            // No way there: lost, and what is behind it is not.
            new(new(UdpAddress.FromEndPoint(new(IPAddress.IPv6Loopback, 9)), default, 0), 60, 1, 60, Ecn.NotEct),
            new(path, 70, 1, 70, Ecn.Ce)]);
        byte[] buffer = GC.AllocateArray<byte>(transmits.Sum(t => t.Length), pinned: true);
        Pattern(buffer.Length).CopyTo(buffer, 0);

        List<SendPiece> pieces = [];
        foreach (int length in transmits.SelectMany(t => t.Length > 1 ? (int[])[1, t.Length - 1] : [1]))
        {
            pieces.Add(new(buffer, pieces.Sum(p => p.Length), length));
        }

        Assert.AreEqual(transmits.Count, sender.TrySendMany(pieces.ToArray(), transmits.ToArray()));

        List<Arrival> arrivals = Receive(receiver, 70 + 3 + 100 + 1);
        CollectionAssert.AreEqual((byte[])[.. buffer[..^130], .. buffer[^70..]], arrivals.SelectMany(a => a.Bytes).ToArray());
        Assert.AreEqual(174, arrivals.Count);
        if (sender is LinuxUdpChannel)
        {
            CollectionAssert.AreEqual(
                transmits.Take(70).Select(t => t.Ecn).Append(Ecn.Ce).ToArray(), arrivals.Take(70).Append(arrivals[^1]).Select(a => a.Ecn).ToArray());
        }
    }

    /// <summary>Goal: each ECN codepoint comes out as it went in, over IPv4, IPv6 and IPv4 on a dual-stack socket.</summary>
    [TestMethod]
    [DataRow("127.0.0.1:0", "127.0.0.1:0")]
    [DataRow("[::1]:0", "[::1]:0")]
    [DataRow("127.0.0.1:0", "[::]:0")]
    [DataRow("[::]:0", "127.0.0.1:0")]
    [DataRow("[::]:0", "[::1]:0")]
    public void Ecn_travels(string from, string to)
    {
        using IDatagramChannel sender = Bind(from, "fast"), receiver = Bind(to, "fast");
        if (sender is not LinuxUdpChannel)
        {
            Assert.Inconclusive("the portable channel has no ECN");
        }

        UdpAddress target = Reachable(receiver.Local, ipv6: from == "[::1]:0" || to == "[::1]:0");
        foreach (Ecn ecn in (Ecn[])[Ecn.NotEct, Ecn.Ect0, Ecn.Ect1, Ecn.Ce])
        {
            Assert.IsTrue(sender.TrySend(new byte[100], new(new(target, default, 0), 100, 1, 100, ecn, null)));
            Assert.AreEqual(ecn, Receive(receiver, 1).Single().Ecn);
        }
    }

    /// <summary>Goal: one dual-stack socket serves both families; it knows which of its addresses was asked, and answers from it.</summary>
    [TestMethod]
    [DataRow("127.0.0.1:0", "127.0.0.1")]
    [DataRow("127.0.0.1:0", "127.0.0.2")]
    [DataRow("[::1]:0", "::1")]
    public void A_wildcard_answers_from_the_address_that_was_asked(string client, string host)
    {
        using IDatagramChannel server = Bind("[::]:0", "fast"), peer = Bind(client, "fast");
        UdpAddress asked = UdpAddress.FromEndPoint(new(IPAddress.Parse(host), server.Local.Port));

        Assert.IsTrue(peer.TrySend(new byte[50], new(new(asked, default, 0), 50, 1, 50, Ecn.NotEct, null)));
        Arrival question = Receive(server, 1).Single();
        Assert.AreEqual(peer.Local, question.Path.Remote);
        if (server is LinuxUdpChannel)
        {
            Assert.AreEqual(asked, question.Path.Local);
        }

        Assert.IsTrue(server.TrySend(new byte[60], new(question.Path, 60, 1, 60, Ecn.Ect0, null)));
        Assert.AreEqual(asked, Receive(peer, 1).Single().Path.Remote);
    }

    /// <summary>Goal: an address that this machine does not have (a connection that moved here) loses the datagram, it does not switch GSO off.</summary>
    [TestMethod]
    public void A_source_address_of_another_machine_is_a_lost_datagram()
    {
        using IDatagramChannel sender = Bind("0.0.0.0:0", "fast"), receiver = Bind("127.0.0.1:0", "fast");
        if (!LinuxUdpChannel.IsSupported || sender is not LinuxUdpChannel { SendsBursts: true } linux)
        {
            Assert.Inconclusive("this system has no GSO");
            return;
        }

        UdpAddress foreign = UdpAddress.FromEndPoint(new(IPAddress.Parse("192.0.2.55"), sender.Local.Port));
        Assert.IsTrue(sender.TrySend(new byte[2400], new(new(receiver.Local, foreign, 0), 1200, 2, 2400, Ecn.NotEct, null)));
        Assert.IsTrue(linux.SendsBursts);
    }

    /// <summary>Goal: what is too large, and a port where nobody listens, neither throw nor stop what follows.</summary>
    [TestMethod]
    [DataRow("fast")]
    [DataRow("portable")]
    public void What_cannot_be_sent_is_lost_quietly(string kind)
    {
        using IDatagramChannel sender = Bind("127.0.0.1:0", kind), receiver = Bind("127.0.0.1:0", kind);
        UdpAddress nobody;
        using (IDatagramChannel gone = Bind("127.0.0.1:0", kind))
        {
            nobody = gone.Local;
        }

        byte[] huge = new byte[70_000];
        Assert.IsTrue(sender.TrySend(huge, new(new(receiver.Local, sender.Local, 0), huge.Length, 1, huge.Length, Ecn.NotEct, null)));
        Assert.IsTrue(UdpAddress.TryParse("[::1]:9", out UdpAddress otherFamily));
        Assert.IsTrue(sender.TrySend(new byte[10], new(new(otherFamily, sender.Local, 0), 10, 1, 10, Ecn.NotEct, null)));
        for (int i = 0; i < 3; i++)
        {
            Assert.IsTrue(sender.TrySend(new byte[10], new(new(nobody, sender.Local, 0), 10, 1, 10, Ecn.NotEct, null)));
        }

        Assert.IsFalse(sender.TryReceive(new ReceiveBatch()));
        Assert.IsTrue(sender.TrySend(new byte[20], new(new(receiver.Local, sender.Local, 0), 20, 1, 20, Ecn.NotEct, null)));
        Assert.HasCount(20, Receive(receiver, 1).Single().Bytes);
    }

    /// <summary>Goal: a second bind of a named port fails with one clear line, whoever has the port.</summary>
    [TestMethod]
    [DataRow("fast")]
    [DataRow("portable")]
    public void A_taken_port_is_in_use(string kind)
    {
        using Socket foreigner = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        foreigner.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        string address = foreigner.LocalEndPoint!.ToString()!;

        AddressInUseException refused = Assert.ThrowsExactly<AddressInUseException>(() => Bind(address, kind));
        Assert.AreEqual($"{address} is in use", refused.Message);

        foreigner.Dispose();
        using IDatagramChannel ours = Bind(address, kind);
        Assert.ThrowsExactly<AddressInUseException>(() => Bind(address, kind));
        ours.Dispose();
        Bind(address, kind).Dispose();
    }

    /// <summary>Goal: a wake ends a wait without limit, whether it comes before or during it, and one wake is enough for one wait.</summary>
    [TestMethod]
    [DataRow("fast")]
    [DataRow("portable")]
    public void A_wake_ends_a_wait(string kind)
    {
        using IDatagramChannel channel = Bind("127.0.0.1:0", kind);
        channel.Wake();
        channel.Wake();
        channel.Wait(Timeout.InfiniteTimeSpan);

        for (int i = 0; i < 50; i++)
        {
            Thread waiter = new(() => channel.Wait(Timeout.InfiniteTimeSpan));
            waiter.Start();
            channel.Wake();
            Assert.IsTrue(waiter.Join(TimeSpan.FromSeconds(20)));
        }

        channel.Dispose();
        channel.Wake();
    }

    /// <summary>Goal: a wait for datagrams ends with the first one and with a wake, whether these come before or during it; also where the socket does not wait.</summary>
    [TestMethod]
    [DataRow("fast", "127.0.0.1:0", true)]
    [DataRow("fast", "[::]:0", true)]
    [DataRow("fast", "127.0.0.1:0", false)]
    [DataRow("portable", "127.0.0.1:0", true)]
    public void A_wait_for_datagrams_ends_with_one_and_with_a_wake(string kind, string address, bool isBlocking)
    {
        // Longer than the test may take, so that no wait ends by itself.
        TimeSpan timeout = TimeSpan.FromMinutes(10);
        using Socket socket = new(Endpoint(address).AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = isBlocking };
        if (socket.AddressFamily == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = true;
        }

        socket.Bind(Endpoint(address));
        using IDatagramChannel channel = UdpChannel.Over(socket.SafeHandle, new() { Portable = kind == "portable" });
        using IDatagramChannel peer = Bind("127.0.0.1:0", "fast");
        UdpAddress target = UdpAddress.FromEndPoint(new(IPAddress.Loopback, channel.Local.Port));
        ReceiveBatch batch = new();
        for (int i = 1; i <= 20; i++)
        {
            int length = i % 2 == 0 ? i : 0;
            int received = -1;
            Thread waiter = new(() =>
            {
                // A wait may end for no reason, but only a datagram gives one.
                do
                {
                    received = channel.Receive(batch, timeout) ? batch[0].Bytes.Length : 0;
                }
                while (received == 0 && length > 0);
            })
            {
                IsBackground = true,
            };
            waiter.Start();
            if (length > 0)
            {
                _ = peer.TrySend(new byte[length], new(new(target, default, 0), length, 1, length, Ecn.NotEct));
            }
            else
            {
                channel.Wake();
            }

            Assert.IsTrue(waiter.Join(TimeSpan.FromSeconds(60)));
            Assert.AreEqual(length, received);
        }

        channel.Dispose();
        channel.Wake();

        static IPEndPoint Endpoint(string address) => IPEndPoint.Parse(address);
    }

    /// <summary>Goal: a wake ends a wait for datagrams even where its own datagram, or another empty one, takes all the room that there is.</summary>
    [TestMethod]
    [DataRow("fast")]
    [DataRow("portable")]
    public void A_wake_is_not_lost_among_empty_datagrams(string kind)
    {
        using IDatagramChannel channel = Bind("127.0.0.1:0", kind);
        using Socket sender = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        ReceiveBatch batch = new(ReceiveBatch.ReservationSize);
        for (int i = 0; i < 50; i++)
        {
            if (i % 2 == 0)
            {
                sender.SendTo([], channel.Local.ToEndPoint());
            }

            Thread waiter = new(() => channel.Receive(batch, TimeSpan.FromMinutes(10))) { IsBackground = true };
            waiter.Start();
            channel.Wake();
            Assert.IsTrue(waiter.Join(TimeSpan.FromSeconds(60)));
        }
    }

    /// <summary>Goal: where a sandbox forbids the call that receives many, datagrams are received all the same, with a wait and without.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(38)]
    public void A_sandbox_may_forbid_to_receive_many(int error)
    {
        const int Count = 10;
        using IDatagramChannel receiver = Bind("127.0.0.1:0", "fast"), sender = Bind("127.0.0.1:0", "fast");
        byte[] bytes = Pattern(Count * 3000);
        bool? isForbidden = null;
        List<byte> received = [];
        Thread thread = new(() =>
        {
            isForbidden = CallFilter.TryForbidReceivingMany(error);
            ReceiveBatch batch = new();
            while (isForbidden == true && received.Count < bytes.Length && receiver.Receive(batch, TimeSpan.FromMinutes(1)))
            {
                do
                {
                    foreach (ReceiveBatch.Datagram datagram in batch)
                    {
                        received.AddRange(datagram.Bytes);
                    }
                }
                while (receiver.TryReceive(batch));
            }
        });
        for (int i = 0; i < Count; i++)
        {
            Assert.IsTrue(sender.TrySend(bytes.AsSpan(i * 3000, 3000), Burst(sender, receiver.Local, 3000, i % 2 == 0 ? 3000 : 1000)));
        }

        thread.Start();
        thread.Join();
        if (isForbidden == false)
        {
            Assert.Inconclusive("no filter of system calls here");
        }

        CollectionAssert.AreEqual(bytes, received);
    }

    /// <summary>Goal: what an ICMP message left behind comes before a datagram, and neither hides it nor ends the wait for it.</summary>
    [TestMethod]
    public void An_error_before_a_datagram_does_not_hide_it()
    {
        if (!LinuxUdpChannel.IsSupported)
        {
            Assert.Inconclusive("only Linux tells to which address a refused datagram went");
        }

        using DeadPort dead = new();
        UdpAddress nobody = UdpAddress.FromEndPoint(dead.EndPoint);
        Assert.IsTrue(UdpAddress.TryParse("127.0.0.1:0", out UdpAddress local));
        using IDatagramChannel hearing = UdpChannel.Bind(local, new() { HearsRefusals = true }), peer = Bind("127.0.0.1:0", "fast");
        ReceiveBatch batch = new();
        for (int i = 1; i <= 5; i++)
        {
            Assert.IsTrue(hearing.TrySend(Pattern(100), Single(nobody, 100)));
            // Ends with the message, which it leaves where it is.
            hearing.Wait(TimeSpan.FromMinutes(1));
            Assert.IsTrue(peer.TrySend(Pattern(i), Single(hearing.Local, i)));
            Assert.IsTrue(hearing.Receive(batch, TimeSpan.FromMinutes(1)));
            CollectionAssert.AreEqual(Pattern(i), batch[0].Bytes.ToArray());
            Assert.IsTrue(hearing.TryTakeRefusal(out UdpAddress refused));
            Assert.AreEqual(nobody, refused);
            Assert.IsFalse(hearing.TryTakeRefusal(out _));
        }
    }

    /// <summary>Goal: a wait below a millisecond ends by itself, and one without time does not wait.</summary>
    [TestMethod]
    [DataRow("fast")]
    [DataRow("portable")]
    public void A_short_wait_ends(string kind)
    {
        using IDatagramChannel channel = Bind("127.0.0.1:0", kind);
        channel.Wait(TimeSpan.FromMicroseconds(200));
        channel.Wait(TimeSpan.Zero);
        channel.Wait(TimeSpan.FromMilliseconds(-5));
        Assert.IsFalse(channel.TryReceive(new ReceiveBatch()));
        // Less than the system can say, which must not become none at all: that is for ever.
        Assert.IsFalse(channel.Receive(new ReceiveBatch(), TimeSpan.FromTicks(1)));
        Assert.IsFalse(channel.Receive(new ReceiveBatch(), TimeSpan.FromTicks(11)));
    }

    /// <summary>Goal: a socket that somebody else has bound serves as well as one of ours.</summary>
    [TestMethod]
    public void A_lent_socket_serves()
    {
        Socket lender = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = true };
        lender.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        using IDatagramChannel lent = UdpChannel.Over(lender.SafeHandle), peer = Bind("127.0.0.1:0", "fast");

        Assert.IsTrue(peer.TrySend(Pattern(300), new(new(Reachable(lent.Local, ipv6: false), default, 0), 100, 3, 300, Ecn.NotEct, null)));

        CollectionAssert.AreEqual(Pattern(300), Receive(lent, 3).SelectMany(a => a.Bytes).ToArray());
    }

    /// <summary>Goal: a channel that is to hear refusals tells where nobody listens, once for each message, and goes on to work; one that is not stays deaf.</summary>
    [TestMethod]
    [DataRow("127.0.0.1:0")]
    [DataRow("[::]:0")]
    public void Refusals_are_heard_by_who_wants_to(string address)
    {
        if (!LinuxUdpChannel.IsSupported)
        {
            Assert.Inconclusive("only Linux tells to which address a refused datagram went");
        }

        Assert.IsTrue(UdpAddress.TryParse(address, out UdpAddress local));
        using DeadPort dead = new();
        UdpAddress nobody = UdpAddress.FromEndPoint(dead.EndPoint);
        using IDatagramChannel hearing = UdpChannel.Bind(local, new() { HearsRefusals = true }), deaf = UdpChannel.Bind(local), peer = Bind("127.0.0.1:0", "fast");
        Assert.IsFalse(hearing.TryTakeRefusal(out _));
        Assert.IsTrue(hearing.TrySend(Pattern(100), Single(nobody, 100)) && deaf.TrySend(Pattern(100), Single(nobody, 100)));

        hearing.Wait(TimeSpan.FromSeconds(30));
        Assert.IsTrue(hearing.TryTakeRefusal(out UdpAddress refused));
        Assert.AreEqual(nobody, refused);
        Assert.IsFalse(hearing.TryTakeRefusal(out _));
        Assert.IsFalse(deaf.TryTakeRefusal(out _));
        Assert.IsTrue(hearing.TrySend(Pattern(200), Single(peer.Local, 200)));
        CollectionAssert.AreEqual(Pattern(200), Receive(peer, 1).Single().Bytes);
    }

    private static Transmit Single(UdpAddress to, int length) => new(new(to, default, 0), length, 1, length, Ecn.NotEct, null);


    /// <summary>Goal: empty datagrams cost their sender nothing; they end a batch as others do, so that the shard goes on with its other work, and what comes behind them arrives.</summary>
    [TestMethod]
    [DataRow("fast")]
    [DataRow("plain")]
    [DataRow("portable")]
    public void S49_empty_datagrams_end_a_batch(string kind)
    {
        const int Empty = 2 * ReceiveBatch.MaxEntries;
        using IDatagramChannel channel = Bind("127.0.0.1:0", kind);
        using Socket sender = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        for (int i = 0; i < Empty; i++)
        {
            sender.SendTo([], channel.Local.ToEndPoint());
        }

        sender.SendTo([1, 2, 3], channel.Local.ToEndPoint());
        ReceiveBatch batch = new();
        channel.Wait(TimeSpan.FromSeconds(20));
        Assert.IsFalse(channel.TryReceive(batch), "a whole batch of nothing");
        Assert.IsFalse(channel.TryReceive(batch), "and another one");
        Assert.IsTrue(channel.TryReceive(batch));
        Assert.AreEqual(1, batch.Datagrams);
    }

    private static IDatagramChannel Bind(string address, string kind)
    {
        Assert.IsTrue(UdpAddress.TryParse(address, out UdpAddress parsed));
        return UdpChannel.Bind(parsed, kind switch { "portable" => s_portable, "plain" => s_plain, _ => null });
    }

    private static Transmit Burst(IDatagramChannel from, UdpAddress to, int length, int segmentSize) =>
        new(new(to, from.Local, 0), segmentSize, (length + segmentSize - 1) / segmentSize, length, Ecn.NotEct, null);

    private static UdpAddress Reachable(UdpAddress local, bool ipv6) =>
        UdpAddress.FromEndPoint(new(ipv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, local.Port));

    private static byte[] Pattern(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)((i * 31) + (i >> 8)))];

    private static List<Arrival> Receive(IDatagramChannel channel, int count)
    {
        ReceiveBatch batch = new();
        List<Arrival> arrivals = [];
        for (int waits = 0; arrivals.Count < count && waits < 100; waits++)
        {
            channel.Wait(TimeSpan.FromSeconds(1));
            while (channel.TryReceive(batch))
            {
                foreach (ReceiveBatch.Datagram datagram in batch)
                {
                    arrivals.Add(new(datagram.Bytes.ToArray(), datagram.Path, datagram.Ecn));
                }
            }
        }

        return arrivals;
    }

    private sealed record Arrival(byte[] Bytes, NetworkPath Path, Ecn Ecn);
}
