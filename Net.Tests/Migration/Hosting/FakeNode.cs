using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Net.Core.Crypto;
using Net.Core.Io;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

/// <summary>A member over a real link, with a real data socket, that does only what the test says.</summary>
internal sealed class FakeNode : IAsyncDisposable
{
    private readonly Channel<LinkMessage> _messages = Channel.CreateUnbounded<LinkMessage>();
    private readonly MessageLink _link;
    private readonly Socket _data = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private IngressTags _tags = null!;
    private FederationKeys _keys = null!;
    private IPEndPoint _ingress = null!;

    private FakeNode(string name, ulong incarnation, QuicConnection connection, QuicStream stream)
    {
        _data.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Member = new(name, incarnation);
        _link = new(connection, stream, (_, message) => _messages.Writer.TryWrite(message), _ => _messages.Writer.TryComplete());
        _link.Start();
    }

    public Member Member { get; }

    /// <summary>Of connection IDs that it could have made.</summary>
    public CidCipher? Cipher => _keys.Cid.Current.DeriveCipher();

    public static async Task<FakeNode> ConnectAsync(IngressHost ingress, string name, ulong incarnation, CancellationToken stop, X509Certificate2? certificate = null)
    {
        (QuicConnection connection, QuicStream stream) = await ControlTls.ConnectAsync(
            ingress.ControlEndPoint, LinkCodec.ControlAlpn, certificate ?? TestFederation.Instance.Member(name), TestFederation.Instance.Roots, stop);
        return new(name, incarnation, connection, stream);
    }

    public static async Task<FakeNode> JoinAsync(IngressHost ingress, string name, ulong incarnation, CancellationToken stop, params string[] hosts)
    {
        FakeNode node = await ConnectAsync(ingress, name, incarnation, stop);
        node.SayJoin(hosts);
        WelcomeMessage welcome = await node.ReadAsync<WelcomeMessage>(stop);
        node._keys = welcome.Keys;
        node._tags = new(welcome.Keys.Tag, 1, 2);
        node._ingress = welcome.Data.ToEndPoint();
        return node;
    }

    public void SayJoin(params string[] hosts)
    {
        UdpAddress data = UdpAddress.FromEndPoint((IPEndPoint)_data.LocalEndPoint!);
        _link.Send(new JoinMessage(new(Member, data, [.. hosts.Select(host => new HostInfo(host, data, []))])));
    }

    public void Say(LinkMessage message) => _link.Send(message);

    /// <summary>The next message of that kind; others are passed over.</summary>
    public async Task<T> ReadAsync<T>(CancellationToken stop)
        where T : LinkMessage
    {
        while (true)
        {
            if (await _messages.Reader.ReadAsync(stop) is T message)
            {
                return message;
            }
        }
    }

    public async Task<OwnershipAnswer> AskAsync(OwnershipRequest request, CancellationToken stop)
    {
        Say(new OwnershipAskMessage(request));
        return (await ReadAsync<OwnershipReplyMessage>(stop)).Answer;
    }

    public async Task<(IngressHeader Header, byte[] Body)> ReceiveAsync(CancellationToken stop)
    {
        byte[] buffer = new byte[65_536];
        int length = await _data.ReceiveAsync(buffer, SocketFlags.None, stop);
        Assert.IsTrue(_tags.TryOpen(buffer.AsSpan(0, length), out IngressHeader header), "the tag is the federation's");
        return (header, buffer[IngressHeader.Length..length]);
    }

    public void SendData(IngressHeader header, byte[] body, bool spoilTag = false)
    {
        byte[] datagram = new byte[IngressHeader.Length + body.Length];
        body.CopyTo(datagram, IngressHeader.Length);
        _tags.Write(datagram, header);
        datagram[60] ^= (byte)(spoilTag ? 1 : 0);
        _ = _data.SendTo(datagram, _ingress);
    }

    public void SendMarker(IngressDatagram type, uint shard, ulong epoch, ulong number) =>
        _ = _data.SendTo(_tags.WriteMarker(type, shard, epoch, number), _ingress);

    public async ValueTask DisposeAsync()
    {
        _data.Dispose();
        await _link.DisposeAsync();
    }
}
