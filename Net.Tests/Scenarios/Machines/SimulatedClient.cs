using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Sessions;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios.Machines;

/// <summary>An HTTP/3 client with one connection.</summary>
internal sealed class SimulatedClient
{
    private readonly Federation _federation;
    private readonly Shard _shard;
    private readonly Machine _machine;
    private readonly UdpAddress _local;
    private readonly string _serverName;
    private readonly UdpAddress _server;

    /// <param name="ingress">The number of that by way of which it goes.</param>
    public SimulatedClient(Federation federation, int number, string serverName, uint ingress = 1)
    {
        (_serverName, _server) = (serverName, SimulatedIngress.AddressOf(ingress));
        _federation = federation;
        Machine machine = _machine = new(federation.World, $"client {number}", federation.World.Random.Between(TimeSpan.Zero, TimeSpan.FromHours(1)));
        Assert.IsTrue(UdpAddress.TryParse($"10.0.2.{number}:{40_000 + number}", out UdpAddress address));
        SimulatedChannel channel = new(federation, machine, address);
        SimulatedCrypto crypto = new(federation.World);
        EndpointOptions options = new() { Keys = [Peer.Keys], Connection = federation.ClientConnections, ContainsFaults = false };
        _shard = new(new(options, crypto), channel, crypto, _ => throw new InvalidOperationException("a client accepts nobody"));
        Stepper stepper = new(machine, () => _shard.Deadline, () =>
        {
            while (_shard.Step(machine.Now))
            {
            }
        });
        channel.OnWake = () => stepper.Wake(TimeSpan.Zero);
        Connection = _shard.Endpoint.Connect(
            new() { AlpnProtocols = ["h3"u8.ToArray()], ServerName = serverName }, new(_server, address, 0), machine.Now);
        Owner = new(Connection, new ShardQueue(_shard), inline: true);
        _shard.SetOwner(Connection, Owner);
        channel.Wake();
        (_local, Wake) = (address, channel.Wake);
        Rebind = outside =>
        {
            channel.Nat.Bind(address, outside);
            // It takes a datagram of the client for anybody to notice.
            Connection.Ping();
            channel.Wake();
        };
        Leave = () =>
        {
            Connection.Close((ulong)Net.Http3.Wire.Http3ErrorCode.NoError, "bye", machine.Now);
            channel.Wake();
        };
    }

    public Connection Connection { get; }

    public ClientOwner Owner { get; }

    /// <summary>By its own clock.</summary>
    public Net.Core.Time.Instant Now => _machine.Now;

    public bool IsOpen => Connection.IsOpen;

    /// <summary>Something was done to its connection: it has to be looked at.</summary>
    public Action Wake { get; }

    /// <summary>Closes the connection.</summary>
    public Action Leave { get; }

    /// <summary>A NAT gives the client another address, of which it knows nothing: what is on its way to the former one gets nowhere.</summary>
    public Action<UdpAddress> Rebind { get; }

    /// <summary>Sends a request, and notes everything that is seen of its response.</summary>
    /// <param name="authority">Null: the connection's own server name.</param>
    public ClientView Request(string method, string path, byte[]? upload = null, string? authority = null) => Request(Owner, method, path, upload, authority);

    /// <summary>Another connection of the same client, with what it has learned: a ticket, and 0-RTT where that allows it.</summary>
    public (Connection Connection, ClientView View) Again(string path)
    {
        Connection connection = _shard.Endpoint.Connect(
            new() { AlpnProtocols = ["h3"u8.ToArray()], ServerName = _serverName, SendsEarlyData = true }, new(_server, _local, 0), _machine.Now);
        ClientOwner owner = new(connection, new ShardQueue(_shard), inline: true);
        _shard.SetOwner(connection, owner);
        Wake();
        return (connection, Request(owner, "GET", path, null, null));
    }

    private ClientView Request(ClientOwner owner, string method, string path, byte[]? upload, string? authority)
    {
        ClientExchange exchange = owner.Http3.NewExchange();
        ClientView view = new(method + " " + path, _federation.World) { Cancel = exchange.Cancel };
        _ = view.RunAsync(exchange, new(method, "https", authority ?? _serverName, path, new()), upload);
        return view;
    }
}

/// <summary>All that a client sees of one exchange.</summary>
internal sealed class ClientView(string name, World world)
{
    private readonly List<byte> _body = [];

    public string Name => name;

    /// <summary>Gives the request up.</summary>
    public Action Cancel { get; init; } = () => { };

    public int Status { get; private set; }

    public string Length { get; private set; } = "";

    public byte[] Body => [.. _body];

    public int Received => _body.Count;

    public bool IsComplete { get; private set; }

    /// <summary>The upload was taken and ended.</summary>
    public bool IsSent { get; private set; }

    public string? Error { get; private set; }

    public bool IsOver => (IsComplete && IsSent) || Error is not null;

    /// <summary>What has to be the same with and without moves.</summary>
    public override string ToString() =>
        $"{name}: {Status} length {Length}, {Received} bytes {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(Body).AsSpan(0, 8))}, "
        + $"{(IsComplete ? "complete" : "incomplete")}, {(IsSent ? "sent" : "unsent")}, {Error ?? "no error"}";

    public async Task RunAsync(ClientExchange exchange, RequestHead head, byte[]? upload)
    {
        try
        {
            await exchange.SendAsync(head, upload is not null);
            Task sending = upload is null ? Task.CompletedTask : SendAsync(exchange, upload);
            await TakeAsync(exchange);
            await sending;
            IsSent = true;
        }
        catch (Http3RequestAbortedException aborted)
        {
            Error = aborted.Message;
        }
    }

    /// <summary>Reads the response of a request that was sent before.</summary>
    public async Task ReadAsync(ClientExchange exchange)
    {
        try
        {
            await TakeAsync(exchange);
            IsSent = true;
        }
        catch (Http3RequestAbortedException aborted)
        {
            Error = aborted.Message;
        }
    }

    private async Task TakeAsync(ClientExchange exchange)
    {
        await exchange.ReadHeadAsync();
        Status = exchange.Response!.Status;
        Length = exchange.Response.Headers["content-length"] ?? "";
        byte[] buffer = new byte[1 + world.Random.Below(4000)];
        for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            _body.AddRange(buffer.AsSpan(0, count));
        }

        IsComplete = true;
    }

    private async Task SendAsync(ClientExchange exchange, byte[] upload)
    {
        for (int sent = 0; sent < upload.Length;)
        {
            int count = int.Min(upload.Length - sent, 1 + world.Random.Below(5000));
            await exchange.WriteAsync(upload.AsMemory(sent, count));
            sent += count;
        }

        await exchange.FinishAsync();
    }
}
