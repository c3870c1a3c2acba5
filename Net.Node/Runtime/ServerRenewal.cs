using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Migration.Hosting;
using Net.Node.Cli;

namespace Net.Node.Runtime;

/// <summary>Looks every minute at the certificate that clients are shown: it lasts for weeks or days, and a node runs for longer.</summary>
/// <param name="first">What is shown.</param>
/// <param name="read">As it is now, made or written anew; an object of its own each time.</param>
/// <param name="show">Takes another one.</param>
/// <param name="log">Told of it, and once why it cannot be read.</param>
/// <param name="time">The wall clock.</param>
internal sealed class ServerRenewal(
    X509Certificate2 first, Func<(X509Certificate2 Certificate, X509Certificate2Collection Intermediates)> read,
    Action<X509Certificate2, X509Certificate2Collection> show, Action<string> log, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMinutes(1);

    private ITimer? _timer;
    private string _shown = first.Thumbprint;
    private string? _trouble;

    public void Start() => _timer = time.CreateTimer(_ => Look(), null, s_interval, s_interval);

    public void Look()
    {
        try
        {
            (X509Certificate2 certificate, X509Certificate2Collection intermediates) = read();
            if (certificate.Thumbprint == _shown)
            {
                certificate.Dispose();
            }
            else
            {
                if (Certificates.WhyNot(certificate, time.GetUtcNow()) is { } reason)
                {
                    throw new CommandFailure($"the certificate {reason}", "renew it");
                }

                show(certificate, intermediates);
                _shown = certificate.Thumbprint;
                log($"clients are shown another certificate, which ends on {Certificates.Day(certificate.NotAfter)}");
            }

            _trouble = null;
        }
        catch (Exception e) when (e is CommandFailure or ArgumentException or IOException or CryptographicException)
        {
            // Of a pair of files one may have been written and the other not: the next look finds both.
            if (_trouble != e.Message)
            {
                _trouble = e.Message;
                log($"clients are shown the former certificate: {e.Message.TrimEnd('.')}");
            }
        }
    }

    public void Dispose() => _timer?.Dispose();
}
