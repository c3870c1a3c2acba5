using System.Net;
using Net.Core.Io;
using Net.Core.Wire;
using Net.Http3.Client;
using Net.Http3.Qpack;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Wire;
using Net.Tests.Core.Io;
using Net.Tests.Http3.Client;

namespace Net.Tests.Http3.Server;

/// <summary>What the options of a server and of a handler say of the protocol is what the other end is told.</summary>
[TestClass]
public sealed class ProtocolOptionsTests
{
    private static readonly QpackOptions s_qpack = new() { DecoderTableCapacity = 777, BlockedStreams = 5, EncoderTableCapacity = 0 };

    public required TestContext TestContext { get; init; }

    /// <summary>Goal: a server's SETTINGS are those of its options, with a reserved setting only if it may send any.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    [DataRow(true)]
    [DataRow(false)]
    public async Task A_server_tells_what_its_options_say(bool grease)
    {
        await using Http3Server server = Http3Server.Start(new()
        {
            ListenEndPoint = new(IPAddress.Loopback, 0),
            ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server, CertificateChainPolicy = TestPki.Instance.Policy() },
            Component = new Handler((exchange, _) => exchange.RespondAsync(200)),
            Qpack = s_qpack,
            SendsGrease = grease,
        });
        await using QuicConnection client = await QuicConnection.ConnectAsync(
            new()
            {
                RemoteEndPoint = server.LocalEndPoint,
                MaxInboundUnidirectionalStreams = 10,
                ClientAuthenticationOptions = new() { ApplicationProtocols = [new("h3")], TargetHost = "localhost", CertificateChainPolicy = TestPki.Instance.Policy() },
            },
            TestContext.CancellationToken);
        await using QuicStream control = await client.AcceptInboundStreamAsync(TestContext.CancellationToken);
        byte[] bytes = new byte[Http3Settings.MaxLength];
        await control.ReadExactlyAsync(bytes.AsMemory(0, 3), TestContext.CancellationToken);
        Assert.IsTrue(bytes is [0, 4, < 0x40, ..] || bytes is [0, 4, 0x40, ..], "a control stream begins with SETTINGS");
        int head = bytes[2] < 0x40 ? 3 : 4;
        await control.ReadExactlyAsync(bytes.AsMemory(3, head - 3), TestContext.CancellationToken);
        int length = head == 3 ? bytes[2] : bytes[3];
        await control.ReadExactlyAsync(bytes.AsMemory(head, length), TestContext.CancellationToken);
        AssertTold(bytes.AsSpan(head, length), grease);
    }

    /// <summary>Goal: the same of a handler, whose options are fixed once it has begun.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    [DataRow(true)]
    [DataRow(false)]
    public async Task A_handler_tells_what_its_options_say(bool grease)
    {
        byte[] control = [];
        await using ClientSite site = new((_, connection, id) =>
        {
            // It goes before all requests, in the same datagram.
            control = connection.Peek(new(2)).ToArray();
            connection.Write(id, Frames.Headers((":status", "200")), fin: true);
        });
        using Http3Handler handler = ClientSite.NewHandler();
        (handler.Qpack, handler.SendsGrease) = (s_qpack, grease);
        using HttpClient client = ClientSite.NewClient(handler);
        Assert.AreEqual(HttpStatusCode.OK, (await client.GetAsync(site.At("/"), TestContext.CancellationToken)).StatusCode);
        FrameHead head = default;
        int start = 1 + head.Read(control.AsSpan(1));
        Assert.AreEqual((0, Http3FrameType.Settings), (control[0], head.Type));
        AssertTold(control.AsSpan(start, (int)head.Remaining), grease);
        Assert.ThrowsExactly<InvalidOperationException>(() => handler.Qpack = new());
        Assert.ThrowsExactly<InvalidOperationException>(() => handler.SendsGrease = false);
    }

    private static void AssertTold(ReadOnlySpan<byte> payload, bool grease)
    {
        Assert.IsFalse(Http3Settings.TryRead(payload, out Http3Settings told).IsError);
        Assert.AreEqual(s_qpack.Settings, told);
        Assert.AreEqual((777UL, 5UL), (told.QpackMaxTableCapacity, told.QpackBlockedStreams));
        Assert.IsTrue(new ByteReader(payload).TryReadVarInt(out ulong first));
        Assert.AreEqual(grease, first >= 0x21 && (first - 0x21) % 0x1F == 0);
    }
}
