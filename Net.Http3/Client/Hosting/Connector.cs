using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using Net.Core.Wire;

namespace Net.Http3.Client.Hosting;

/// <summary>Makes connections: names to addresses, and the first address that answers (RFC 8305, without its sorting).</summary>
internal sealed class Connector(PoolSettings settings)
{
    /// <summary>How long one address is waited for before the next is tried beside it (RFC 8305, section 5).</summary>
    private static readonly TimeSpan s_stagger = TimeSpan.FromMilliseconds(250);

    /// <exception cref="HttpRequestException">No connection; the error says where it ended.</exception>
    /// <exception cref="OperationCanceledException">With a <see cref="TimeoutException"/> inside: the ConnectTimeout has passed.</exception>
    /// <exception cref="ObjectDisposedException">Cancelled, which only the end of the handler does.</exception>
    public async Task<Http3Client> ConnectAsync(Origin origin, CancellationToken cancellationToken)
    {
        using CancellationTokenSource timeout = new(settings.ConnectTimeout, settings.TimeProvider);
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            long start = settings.TimeProvider.GetTimestamp();
            IPAddress[] addresses = await ResolveAsync(origin, linked.Token).ConfigureAwait(false);
            Http3Client client = await RaceAsync(origin, addresses, linked).ConfigureAwait(false);
            settings.OnConnected?.Invoke(settings.TimeProvider.GetElapsedTime(start));
            return client;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(Http3Handler));
        }
        catch (OperationCanceledException error) when (timeout.IsCancellationRequested)
        {
            string message = $"A connection to {origin} could not be established within the ConnectTimeout of {settings.ConnectTimeout}.";
            throw new TaskCanceledException(message, new ConnectTimeoutPassedException(message, error));
        }
    }

    private async Task<IPAddress[]> ResolveAsync(Origin origin, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(origin.Host, out IPAddress? literal))
        {
            return [literal];
        }

        try
        {
            IPAddress[] addresses = await settings.Resolve(origin.Host, cancellationToken).ConfigureAwait(false);
            return addresses.Length > 0 ? addresses : throw new SocketException((int)SocketError.HostNotFound);
        }
        catch (SocketException error)
        {
            throw new HttpRequestException(HttpRequestError.NameResolutionError, $"{error.Message} ({origin})", error);
        }
    }

    private async Task<Http3Client> RaceAsync(Origin origin, IPAddress[] addresses, CancellationTokenSource cancel)
    {
        List<Task<Http3Client>> attempts = [];
        Exception? failure = null;
        int next = 0;
        try
        {
            while (true)
            {
                if (next < addresses.Length)
                {
                    attempts.Add(AttemptAsync(new(addresses[next++], origin.Port), origin.TlsName, cancel.Token));
                }
                else if (attempts.Count == 0)
                {
                    throw Describe(origin, failure!);
                }

                Task ready = next < addresses.Length
                    ? await FirstAsync(attempts, cancel.Token).ConfigureAwait(false)
                    : await Task.WhenAny(attempts).ConfigureAwait(false);
                if (ready is Task<Http3Client> attempt)
                {
                    attempts.Remove(attempt);
                    try
                    {
                        return await attempt.ConfigureAwait(false);
                    }
                    catch (Exception error) when (!cancel.IsCancellationRequested)
                    {
                        // The first failure of TLS says more than a silence elsewhere.
                        failure = failure is null || error is AuthenticationException ? error : failure;
                    }
                }
            }
        }
        finally
        {
            await DropAsync(attempts, cancel).ConfigureAwait(false);
        }
    }

    private async Task<Task> FirstAsync(List<Task<Http3Client>> attempts, CancellationToken cancellationToken)
    {
        using CancellationTokenSource done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task first = await Task.WhenAny([.. attempts, Task.Delay(s_stagger, settings.TimeProvider, done.Token)]).ConfigureAwait(false);
        await done.CancelAsync().ConfigureAwait(false);
        return first;
    }

    private async Task<Http3Client> AttemptAsync(IPEndPoint address, string name, CancellationToken cancellationToken)
    {
        // Binding a socket and starting its thread takes a moment: not on the caller's time.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        return await Http3Client.ConnectAsync(UdpAddress.FromEndPoint(address), name, settings.SslOptions, settings.AllowEarlyData, settings.Session, cancellationToken).ConfigureAwait(false);
    }

    private static async Task DropAsync(List<Task<Http3Client>> attempts, CancellationTokenSource cancel)
    {
        if (attempts.Count == 0)
        {
            return;
        }

        await cancel.CancelAsync().ConfigureAwait(false);
        foreach (Task<Http3Client> attempt in attempts)
        {
            try
            {
                // One that was as fast as the winner.
                await (await attempt.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception)
            {
                // Nobody waits for its failure.
            }
        }
    }

    private static HttpRequestException Describe(Origin origin, Exception error) =>
        error is AuthenticationException or ConnectFailedException { IsTls: true }
            ? new(HttpRequestError.SecureConnectionError, $"The TLS handshake with {origin} failed: {error.Message}", error)
            : new(HttpRequestError.ConnectionError, $"No HTTP/3 connection to {origin}: {error.Message}", error);
}
