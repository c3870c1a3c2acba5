using System.Net;
using Net.Core.Paths;

namespace Net.Http3.Server.Hosting;

/// <summary>A connection to handlers: one object for all of its requests, with the addresses that it had when it came here.</summary>
internal sealed class ConnectionPeer
{
    public NetworkPath Path { get; set; }

    public IPEndPoint? Local => Path.Local.IsNone ? null : Path.Local.ToEndPoint();

    public IPEndPoint? Remote => Path.Remote.IsNone ? null : Path.Remote.ToEndPoint();
}
