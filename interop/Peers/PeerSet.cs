using System.Runtime.InteropServices;

namespace Interop.Peers;

/// <summary>The peers of the interop cases, fetched once without root and kept outside the repository.</summary>
internal sealed class PeerSet
{
    private const string Trixie = "trixie";
    private const string Sid = "sid";

    private PeerSet(string cache)
    {
        CurlOpenSsl = new("curl-openssl", Path.Combine(cache, Trixie), "usr/bin/curl", "HTTP3");
        CurlNgtcp2 = new("curl-ngtcp2", Path.Combine(cache, Sid), "usr/bin/curl", "HTTP3");
        GtlsClient = new("gtlsclient", Path.Combine(cache, Trixie), "usr/bin/gtlsclient", "--download");
        GtlsServer = new("gtlsserver", Path.Combine(cache, Trixie), "usr/sbin/gtlsserver", "--htdocs");
    }

    /// <summary>Debian trixie's curl: HTTP/3 over OpenSSL's own QUIC.</summary>
    public Peer CurlOpenSsl { get; }

    /// <summary>Debian sid's curl: HTTP/3 over ngtcp2.</summary>
    public Peer CurlNgtcp2 { get; }

    /// <summary>ngtcp2's example client with GnuTLS.</summary>
    public Peer GtlsClient { get; }

    /// <summary>ngtcp2's example server with GnuTLS, against which the harness itself can be checked.</summary>
    public Peer GtlsServer { get; }

    public IEnumerable<Peer> All => [CurlOpenSsl, CurlNgtcp2, GtlsClient, GtlsServer];

    public static string Triplet => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => "x86_64-linux-gnu",
        Architecture.Arm64 => "aarch64-linux-gnu",
        Architecture other => throw new PeersUnavailableException($"no peers for {other}: run the cases on x64 or arm64 Linux"),
    };

    public static string LoaderName => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "ld-linux-x86-64.so.2" : "ld-linux-aarch64.so.1";

    /// <summary>The peers from the cache; what is missing there is fetched first.</summary>
    /// <exception cref="PeersUnavailableException">The mirror does not answer, or apt or dpkg failed.</exception>
    public static async Task<PeerSet> FetchAsync()
    {
        string cache = CacheDirectory();
        Directory.CreateDirectory(cache);
        await EnsureAsync(Trixie, Trixie, ["curl", "ngtcp2-client", "ngtcp2-server"]);
        await EnsureAsync(Sid, Sid, ["curl"]);
        return new(cache);
    }

    /// <summary>Makes a folder of the cache hold packages of a release.</summary>
    /// <exception cref="PeersUnavailableException">The mirror does not answer, or apt or dpkg failed.</exception>
    public static async Task EnsureAsync(string folder, string release, string[] packages)
    {
        string cache = CacheDirectory();
        Directory.CreateDirectory(cache);
        await using FileStream held = await LockAsync(cache);
        await DebianRelease.EnsureAsync(cache, folder, release, packages);
    }

    public static string CacheDirectory()
    {
        string? set = Environment.GetEnvironmentVariable("CONTINUUM_PEERS");
        if (!string.IsNullOrEmpty(set))
        {
            return Path.GetFullPath(set);
        }

        string? caches = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return Path.Combine(string.IsNullOrEmpty(caches) ? Path.Combine(home, ".cache") : caches, "continuum-peers");
    }

    /// <summary>One fetch at a time; a second one finds everything in place.</summary>
    public static async Task<FileStream> LockAsync(string cache)
    {
        string path = Path.Combine(cache, "lock");
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (attempt < 600)
            {
                await Task.Delay(TimeSpan.FromSeconds(1));
            }
            catch (IOException)
            {
                throw new PeersUnavailableException($"{path} has been locked for ten minutes: end the other fetch");
            }
        }
    }
}
