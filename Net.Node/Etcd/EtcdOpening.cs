using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Migration.Hosting;
using Net.Node.Cli;
using Net.Node.Data;

namespace Net.Node.Etcd;

/// <summary>Opens the directory of a federation that is on etcd, for an ingress; finds its ingresses, for a node.</summary>
internal static class EtcdOpening
{
    /// <summary>In the data directory, with etcds: the only issuer of the cluster's certificates, instead of the system's.</summary>
    public const string AuthorityFile = "etcd-ca.pem";

    /// <summary>In the data directory, with etcds: the certificate and key that are shown to the cluster.</summary>
    public const string ClientFile = "etcd.pem";

    private const string IdentityFile = "ingress-id";
    private const string Remedy = "start etcd, or name its members with --directory etcd://HOST:PORT[,HOST:PORT...]";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    /// <summary>The cluster, with what the data directory holds for it.</summary>
    public static IEtcd Connect(EtcdAddress address, string dataDirectory)
    {
        string authority = Path.Combine(dataDirectory, AuthorityFile), own = Path.Combine(dataDirectory, ClientFile);
        X509Certificate2Collection? trusted = address.IsSecure && File.Exists(authority) ? [PemFile.ReadCertificate(authority)] : null;
        return new GrpcEtcd(address, trusted, address.IsSecure && File.Exists(own) ? PemFile.ReadPair(own) : null);
    }

    /// <summary>For an ingress. etcd has twenty seconds to answer.</summary>
    /// <exception cref="CommandFailure">It does not, or holds what this ingress cannot use.</exception>
    public static async Task<ISharedDirectory> OpenAsync(
        EtcdAddress address, Func<IEtcd> connect, SharedDirectoryUser self, ReadOnlyMemory<byte> secret, CancellationToken cancellationToken)
    {
        FileStream held = OpenIdentity(self.StateDirectory, out string id);
        long begun = Environment.TickCount64;
        try
        {
            while (true)
            {
                try
                {
                    return await EtcdDirectory.OpenAsync(
                        connect(), address.Prefix, address.ToString(), new(id, self.Control.ToString()), secret, TimeProvider.System, cancellationToken, held)
                        .ConfigureAwait(false);
                }
                catch (EtcdException) when (Environment.TickCount64 - begun < s_patience.TotalMilliseconds)
                {
                    await Task.Delay(s_pause, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (EtcdException e)
        {
            await held.DisposeAsync().ConfigureAwait(false);
            throw e.Message.Contains(": ", StringComparison.Ordinal)
                ? new CommandFailure(e.Message[..e.Message.IndexOf(": ", StringComparison.Ordinal)], e.Message[(e.Message.IndexOf(": ", StringComparison.Ordinal) + 2)..])
                : new CommandFailure(e.Message, Remedy);
        }
        catch
        {
            await held.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>For a node: where the federation's ingresses are.</summary>
    /// <exception cref="EtcdException">etcd does not answer, or knows of no ingress.</exception>
    public static async Task<IReadOnlyList<IPEndPoint>> FindAsync(EtcdAddress address, IEtcd etcd, CancellationToken cancellationToken)
    {
        EtcdKeys keys = new(address.Prefix);
        EtcdSnapshot snapshot = await etcd.ListAsync(keys.Ingresses, cancellationToken).ConfigureAwait(false);
        IPEndPoint[] found = [.. snapshot.Entries.Select(keys.Read).OfType<IngressFact>().Where(fact => fact.Ingress is not null).Select(fact => fact.Ingress!.Control.ToEndPoint())];
        return found.Length > 0 ? found : throw new EtcdException($"{address} knows of no ingress that runs");
    }

    /// <summary>One process at a time has an identity, and with it a number: a copied state directory would give two ingresses the same.</summary>
    private static FileStream OpenIdentity(string directory, out string id)
    {
        string path = Path.Combine(directory, IdentityFile);
        FileStreamOptions options = new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        FileStream file;
        try
        {
            file = new(path, options);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure($"{path} cannot be used ({e.Message.TrimEnd('.')})", "give each ingress a --state directory of its own");
        }

        Span<byte> bytes = stackalloc byte[16];
        int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (length < bytes.Length)
        {
            RandomNumberGenerator.Fill(bytes);
            file.SetLength(0);
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        id = Convert.ToHexStringLower(bytes);
        return file;
    }
}
