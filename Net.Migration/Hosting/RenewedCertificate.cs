using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Net.Migration.Hosting;

/// <summary>A member's certificate that is issued anew when half of its time is over, where the authority's key is at hand: a process may run for longer than one lasts.</summary>
/// <param name="first">With its key, which is kept.</param>
/// <param name="issue">Issues another one over that key; null: not now, and the former one stays. It may also throw an <see cref="IOException"/> or a <see cref="CryptographicException"/>.</param>
/// <param name="time">The wall clock.</param>
internal sealed class RenewedCertificate(X509Certificate2 first, Func<ECDsa, DateTimeOffset, X509Certificate2?> issue, TimeProvider time)
{
    private readonly Lock _lock = new();
    private X509Certificate2 _current = first;

    /// <summary>From any thread. One object until it is renewed; former ones are left to handshakes that use them.</summary>
    public X509Certificate2 Current()
    {
        lock (_lock)
        {
            DateTimeOffset now = time.GetUtcNow(), from = _current.NotBefore, until = _current.NotAfter;
            if (now - from < (until - from) / 2)
            {
                return _current;
            }

            using ECDsa key = _current.GetECDsaPrivateKey()!;
            if (issue(key, now) is { } renewed)
            {
                _current = renewed;
            }

            return _current;
        }
    }
}
