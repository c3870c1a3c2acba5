using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Net.Core.Io;
using Net.Migration.Ingress;

namespace Net.Migration.Hosting;

/// <summary>The public port of a <see cref="RestartableServer"/>, and the ingress that reads from it while this process is in front.</summary>
/// <param name="kept">What the process before has read from it, and nobody has got.</param>
internal sealed class ServedPort(RestartableServerOptions options, PrivateTrust trust, Socket socket, IReadOnlyList<HeldDatagram> kept) : IAsyncDisposable
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(100);

    private IReadOnlyList<HeldDatagram> _kept = kept;
    private IngressHost? _ingress;

    /// <summary>Where clients arrive.</summary>
    public IPEndPoint LocalEndPoint { get; } = (IPEndPoint)socket.LocalEndPoint!;

    public SafeSocketHandle Handle => socket.SafeHandle;

    /// <summary>Whether this process reads from it.</summary>
    public bool IsRead => _ingress is not null;

    /// <summary>Told when the ingress has failed.</summary>
    public required Action<Exception> Failed { get; init; }

    private string ControlFile => Path.Combine(options.Directory, "control");

    private string StateDirectory => Path.Combine(options.Directory, "state");

    /// <summary>Binds a port that nobody serves.</summary>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    /// <exception cref="IOException">It cannot be bound, or a process of this directory serves another one.</exception>
    public static Socket Bind(RestartableServerOptions options)
    {
        Socket socket = LocalSockets.BindPublic(options.ListenEndPoint);
        try
        {
            // Whoever has written there is gone, and with it all connections; that it is gone says the lock. The file stays: two names would be two locks.
            using FileStream log = new(Path.Combine(options.Directory, "state", "directory.log"), StateFiles.Private(FileMode.OpenOrCreate, FileShare.None));
            log.SetLength(0);
            return socket;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            socket.Dispose();
            throw new IOException($"{options.Directory} cannot be used, or a process that does not answer serves from it: {e.Message}", e);
        }
    }

    /// <summary>Reads from the port, and says in the directory where members find it.</summary>
    /// <returns>Where members find it.</returns>
    /// <exception cref="IOException">It cannot be told, as the disk is full, or the log is in use.</exception>
    public Task<IPEndPoint> ReadAsync(CancellationToken cancellationToken) => ReadAsync(mustTell: true, cancellationToken);

    /// <summary>
    /// As <see cref="ReadAsync(CancellationToken)"/>, when another process had the port: as soon as that one has let go of the log, however long it takes. Its own members
    /// are told where; that processes before it are not, as where the disk is full, is no reason to leave the port without a reader.
    /// </summary>
    /// <param name="end">Ends the process that may hold the log, unless it is gone, and tells what happened. Asked once, when that one has had its time.</param>
    /// <param name="isServed">Whether that process, or another one, serves by now; asked while the log is in use.</param>
    /// <returns>Where members find it; null: another process serves, and keeps the port.</returns>
    public async Task<IPEndPoint?> TryReadAgainAsync(Func<string?> end, Func<Task<bool>> isServed, CancellationToken cancellationToken)
    {
        options.Log?.Invoke("the process that was to take over has not: this one goes on");
        long begun = Environment.TickCount64;
        bool isPatient = true;
        string? told = null;
        while (true)
        {
            try
            {
                return await ReadAsync(mustTell: false, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException)
            {
                if (told != e.Message)
                {
                    options.Log?.Invoke($"nobody reads from the port until this one can: {e.Message}");
                    told = e.Message;
                }

                if (await isServed().ConfigureAwait(false))
                {
                    return null;
                }

                if (isPatient && Environment.TickCount64 - begun >= options.PortPatience.TotalMilliseconds)
                {
                    isPatient = false;
                    if (end() is string ended)
                    {
                        options.Log?.Invoke($"of the process that was to take over: {ended}");
                    }
                }

                await Task.Delay(s_retry, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Reads no more from the port, which stays open.</summary>
    /// <param name="silence">Has this process's node send nothing more.</param>
    /// <returns>What has been read from it, and nobody has got: it is for whoever reads from it next, which may be this process again.</returns>
    public async Task<IReadOnlyList<HeldDatagram>> ReleaseAsync(Func<Task> silence)
    {
        if (Interlocked.Exchange(ref _ingress, null) is IngressHost ingress)
        {
            _kept = await ingress.CloseAsync(silence).ConfigureAwait(false);
        }

        return _kept;
    }

    /// <summary>Where the ingress is of whichever process has the port now.</summary>
    /// <returns>Null: that cannot be read.</returns>
    public async Task<IPEndPoint?> TryFindIngressAsync()
    {
        try
        {
            string text = await File.ReadAllTextAsync(ControlFile).ConfigureAwait(false);
            return int.TryParse(text, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= ushort.MaxValue ? new(IPAddress.Loopback, port) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Closes the port, unless another process has it as well.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _ingress, null) is IngressHost ingress)
        {
            await ingress.DisposeAsync().ConfigureAwait(false);
        }

        socket.Dispose();
    }

    private async Task<IPEndPoint> ReadAsync(bool mustTell, CancellationToken cancellationToken)
    {
        IngressHost ingress = await IngressHost.StartAsync(
            new()
            {
                Listen = LocalEndPoint,
                // To be closed by nobody who uses it: it is passed on.
                PublicSocket = new(socket.SafeHandle.DangerousGetHandle(), ownsHandle: false),
                Control = new(IPAddress.Loopback, 0),
                StateDirectory = StateDirectory,
                DefaultComponent = options.Components[0].Name,
                MemberCertificate = trust.Ingress,
                RenewedMemberCertificate = () => trust.Ingress,
                FederationRoots = trust.Roots,
                FailureTimeout = options.FailureTimeout,
                Kept = _kept,
                Log = options.Log ?? (static _ => { }),
            },
            cancellationToken).ConfigureAwait(false);
        try
        {
            StateFiles.WriteWhole(ControlFile, Encoding.ASCII.GetBytes(ingress.ControlEndPoint.Port.ToString(CultureInfo.InvariantCulture)));
        }
        catch (Exception e) when (!mustTell && (e is IOException or UnauthorizedAccessException))
        {
            options.Log?.Invoke($"processes before this one do not find it: {e.Message}");
        }
        catch
        {
            await ingress.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        _kept = [];
        _ingress = ingress;
        _ = WatchAsync(ingress);
        return ingress.ControlEndPoint;
    }

    private async Task WatchAsync(IngressHost ingress)
    {
        await ingress.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (ingress.Completion.Exception?.InnerException is Exception fault)
        {
            Failed(fault);
        }
    }
}
