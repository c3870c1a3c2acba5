using Net.Core.Wire;

namespace Net.Core.Endpoints;

/// <summary>The tokens that servers gave us for a next connection (RFC 9000, section 8.1.3). Each is used once, the newest first.</summary>
/// <remarks>A token is shown only to the server, by name and address, that gave it: another one could recognise us by it.</remarks>
internal sealed class TokenStore : ITokenStore
{
    public const int MaxServers = 256;

    public const int MaxPerServer = 4;

    private readonly Dictionary<(string Name, UdpAddress Address), List<byte[]>> _tokens = [];
    private readonly Queue<(string Name, UdpAddress Address)> _order = new();

    public void Add(string name, UdpAddress address, byte[] token)
    {
        if (!_tokens.TryGetValue((name, address), out List<byte[]>? list))
        {
            if (_order.Count == MaxServers)
            {
                _tokens.Remove(_order.Dequeue());
            }

            list = [];
            _tokens.Add((name, address), list);
            _order.Enqueue((name, address));
        }

        if (list.Count == MaxPerServer)
        {
            list.RemoveAt(0);
        }

        list.Add(token);
    }

    public byte[] Take(string name, UdpAddress address)
    {
        if (!_tokens.TryGetValue((name, address), out List<byte[]>? list) || list.Count == 0)
        {
            return [];
        }

        byte[] newest = list[^1];
        list.RemoveAt(list.Count - 1);
        return newest;
    }
}
