using Net.Core.Wire;

namespace Net.Core.Endpoints;

/// <summary>Where a client keeps the tokens that servers gave it for a next connection (RFC 9000, section 8.1.3).</summary>
internal interface ITokenStore
{
    /// <summary>Keeps a token of the server of this name and address.</summary>
    void Add(string name, UdpAddress address, byte[] token);

    /// <summary>Takes the newest token out: each is used once.</summary>
    /// <returns>Empty when there is none.</returns>
    byte[] Take(string name, UdpAddress address);
}
