using Net.Core.Endpoints;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>The address tokens of this process: each client connection has an endpoint of its own, and its token is for the next one.</summary>
internal sealed class SharedTokens : ITokenStore
{
    private readonly Lock _gate = new();
    private readonly TokenStore _tokens = new();

    public static SharedTokens Instance { get; } = new();

    public void Add(string name, UdpAddress address, byte[] token)
    {
        lock (_gate)
        {
            _tokens.Add(name, address, token);
        }
    }

    public byte[] Take(string name, UdpAddress address)
    {
        lock (_gate)
        {
            return _tokens.Take(name, address);
        }
    }
}
