using System.Net.Security;
using System.Security.Authentication;
using Net.Core.Time;
using Net.Core.Tls;

namespace Net.Core.Io;

/// <summary>Asks the application, for one ClientHello, how this connection is to be served, and carries its answer to the handshake.</summary>
/// <remarks>
/// The callback runs on the thread pool and may take until the handshake's time is over. One that throws, or gives options that cannot be
/// used, refuses this peer alone: it is the peer that chooses for which name the callback is called.
/// </remarks>
internal sealed class OptionsSelection(
    Func<QuicConnection, SslClientHelloInfo, CancellationToken, ValueTask<QuicServerConnectionOptions>> callback,
    QuicConnection connection,
    ConnectionDriver driver,
    SelectCertificateRequest request) : IThreadPoolWorkItem, IShardWork
{
    private ServerSetup? _setup;
    private TlsCredential? _credential;

    public void Execute() => _ = SelectAsync();

    public void Run(Instant now)
    {
        if (driver.Fault is not null || !driver.Connection.IsOpen)
        {
            _setup?.Crypto.Dispose();
            return;
        }

        if (_setup is ServerSetup setup)
        {
            driver.Connection.Configure(setup.Connection, now);
            driver.OnConfigured(setup);
        }

        driver.Connection.OnAnswer(new CertificateAnswer(request.Id, _credential, _setup?.Tls), now);
        driver.Shard.MarkActive(driver.Connection);
    }

    void IShardWork.Abandon(Exception fault) => _setup?.Crypto.Dispose();

    private async Task SelectAsync()
    {
        try
        {
            QuicServerConnectionOptions options = await callback(connection, new(request.ServerName ?? "", SslProtocols.Tls13), driver.EndedToken).ConfigureAwait(false);
            _setup = ServerSetup.Of(options, options.ApplicationProtocols);
            _credential = _setup.Crypto.SelectCredential(request);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Without a credential the handshake is refused.
        }

        if (!driver.Shard.Post(this))
        {
            _setup?.Crypto.Dispose();
        }
    }
}
