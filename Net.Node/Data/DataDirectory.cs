using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Migration.Hosting;
using Net.Node.Cli;
using Net.Node.Runtime;

namespace Net.Node.Data;

/// <summary>What all processes of one user share: authorities, the server certificate, the ingress's log.</summary>
/// <remarks>
/// Every file is made under a lock file by whoever comes first, and renamed into place: a reader sees it whole or not at all. A
/// certificate and its key are one file, so that no crash can part them.
/// </remarks>
internal sealed class DataDirectory
{
    public const string DevelopmentCaFile = "ca.pem";
    public const string DevelopmentCaKeyFile = "ca-key.pem";
    public const string ServerFile = "server.pem";
    public const string FederationCaFile = "federation-ca.pem";
    public const string FederationCaKeyFile = "federation-ca-key.pem";

    /// <summary>In a directory given with `--trust` that holds no authority's key: one member's certificate and key.</summary>
    public const string MemberFile = "member.pem";

    /// <summary>Who is a member, as the authority has signed it. While there is none, every process that has the authority's key is one.</summary>
    public const string RosterFile = "federation-trust";

    /// <summary>One folder per member, to be copied to its machine.</summary>
    public const string MembersFolder = "members";

    private const string LockName = "lock";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Browsers take a certificate by its hash only if it is valid for at most 14 days; half of the time is left for running nodes.</summary>
    private static readonly TimeSpan s_renewBelow = TimeSpan.FromDays(6);

    private readonly TimeProvider _time;

    private DataDirectory(string path, TimeProvider time) => (Path, _time) = (path, time);

    public string Path { get; }

    public TimeProvider Time => _time;

    /// <summary>Where an ingress keeps its log unless told otherwise.</summary>
    public string StateDirectory => System.IO.Path.Combine(Path, "directory");

    /// <summary>A Unix socket's path holds 108 bytes, its end included.</summary>
    private const int MaxDoor = 107;

    /// <summary>Where processes of this user on this machine meet; null when the path is too long for a Unix socket.</summary>
    public string? Door(string name)
    {
        string door = System.IO.Path.Combine(Path, $"{name}.sock");
        return System.Text.Encoding.UTF8.GetByteCount(door) <= MaxDoor ? door : null;
    }

    /// <summary>$CONTINUUM_HOME, else $XDG_DATA_HOME/continuum, else ~/.local/share/continuum.</summary>
    public static string Locate(Func<string, string?> environment)
    {
        if (environment("CONTINUUM_HOME") is { Length: > 0 } home)
        {
            return System.IO.Path.GetFullPath(home);
        }

        // The XDG rules: a relative path there is ignored.
        string? shared = environment("XDG_DATA_HOME") is { Length: > 0 } data && System.IO.Path.IsPathRooted(data) ? data : null;
        string? user = environment("HOME") is { Length: > 0 } set ? set : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return shared is null && string.IsNullOrEmpty(user)
            ? throw new CommandFailure("there is no home directory for the data directory", "set CONTINUUM_HOME to a directory of your own")
            : System.IO.Path.Combine(shared ?? System.IO.Path.Combine(user!, ".local", "share"), "continuum");
    }

    /// <summary>Opens it, and makes it if need be, for its owner alone.</summary>
    /// <exception cref="CommandFailure">It cannot be made or written.</exception>
    public static DataDirectory Open(string path, TimeProvider time)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                System.IO.Directory.CreateDirectory(path);
            }
            else
            {
                if (System.IO.Path.GetDirectoryName(path) is { Length: > 0 } parent)
                {
                    System.IO.Directory.CreateDirectory(parent);
                }

                System.IO.Directory.CreateDirectory(path, OwnerOnly);
                if (File.GetUnixFileMode(path) != OwnerOnly)
                {
                    File.SetUnixFileMode(path, OwnerOnly);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure($"the data directory {path} cannot be used ({e.Message.TrimEnd('.')})", "set CONTINUUM_HOME to a directory of your own");
        }

        return new(path, time);
    }

    /// <summary>The authority that clients on this machine trust, without its key.</summary>
    public X509Certificate2 DevelopmentCa() => Guarded(() => Public(Authority(DevelopmentCaKeyFile, DevelopmentCaFile, "Continuum development CA")));

    /// <summary>The certificate that every node of this directory shows, with its key; renewed when less than half of its time is left.</summary>
    public X509Certificate2 ServerCertificate() => Guarded(() =>
    {
        using X509Certificate2 authority = Authority(DevelopmentCaKeyFile, DevelopmentCaFile, "Continuum development CA");
        string file = In(ServerFile);
        if (PemFile.TryReadPair(file) is X509Certificate2 present)
        {
            if (present.NotAfter.ToUniversalTime() - _time.GetUtcNow().UtcDateTime > s_renewBelow && Certificates.IsIssuedBy(present, authority))
            {
                return present;
            }

            present.Dispose();
        }

        X509Certificate2 made = Certificates.IssueServer(authority, _time.GetUtcNow());
        PemFile.WritePair(file, made);
        return made;
    });

    /// <summary>A member's certificate for links and control, issued now, and again while it runs, and kept in memory only.</summary>
    /// <param name="name">Of the node; or of another kind of member, such as <c>ingress</c>.</param>
    public MemberCredentials Member(string name) => File.Exists(In(RosterFile)) ? MemberFrom(Path, name, _time) : Guarded(() =>
    {
        using X509Certificate2 authority = Authority(FederationCaKeyFile, FederationCaFile, "Continuum federation");
        return IssuedBy(authority, In(FederationCaKeyFile), name, _time);
    });

    /// <summary>The same from a directory given with `--trust`.</summary>
    /// <remarks>
    /// It is what `continuum trust` works on, with a folder for each member; or such a folder; or, made in another way,
    /// it holds <see cref="FederationCaFile"/>, and either the authority's key (<see cref="FederationCaKeyFile"/>, with its certificate),
    /// or <see cref="MemberFile"/> with a certificate that this authority issued and its key.
    /// </remarks>
    /// <exception cref="CommandFailure">Something of that is missing or does not fit.</exception>
    public static MemberCredentials MemberFrom(string directory, string name, TimeProvider time)
    {
        if (!System.IO.Directory.Exists(directory))
        {
            throw new CommandFailure($"--trust {directory} is not a directory", $"give one that holds {FederationCaFile} and {MemberFile}");
        }

        string roster = System.IO.Path.Combine(directory, RosterFile);
        if (File.Exists(roster) && File.Exists(System.IO.Path.Combine(directory, FederationCaKeyFile)))
        {
            string folder = System.IO.Path.Combine(directory, MembersFolder, name);
            return System.IO.Directory.Exists(folder)
                ? MemberFrom(folder, name, time) with { RosterFile = roster }
                : throw new CommandFailure($"{name} is no member of the federation in {directory}", $"continuum trust add {name}");
        }

        string authorityKey = System.IO.Path.Combine(directory, FederationCaKeyFile), member = System.IO.Path.Combine(directory, MemberFile);
        if (File.Exists(authorityKey))
        {
            using X509Certificate2 issuer = PemFile.ReadPair(authorityKey);
            return Certificates.WhyNot(issuer, time.GetUtcNow()) is { } reason
                ? throw new CommandFailure($"the authority's certificate in {authorityKey} {reason}", "check this machine's clock, or begin anew with another authority")
                : IssuedBy(issuer, authorityKey, name, time);
        }

        X509Certificate2 authority = PemFile.ReadCertificate(System.IO.Path.Combine(directory, FederationCaFile));
        X509Certificate2 own = PemFile.ReadPair(member);
        MemberFileWatch.Check(member, own, authority, name, time.GetUtcNow());
        return new(own, authority) { Secret = SecretOf(own), RosterFile = roster, Renewed = new MemberFileWatch(member, own, authority, time).Current };
    }

    /// <param name="file">Where the authority's key is when it is needed again: another one that lies there by then has other members.</param>
    private static MemberCredentials IssuedBy(X509Certificate2 authority, string file, string name, TimeProvider time)
    {
        X509Certificate2 known = Public(authority);
        RenewedCertificate certificate = new(
            Certificates.IssueMember(authority, name, time.GetUtcNow()),
            (key, now) =>
            {
                using X509Certificate2? issuer = PemFile.TryReadPair(file);
                return issuer?.Thumbprint == known.Thumbprint ? Certificates.IssueMember(issuer, name, now, key) : null;
            },
            time);
        return new(certificate.Current(), known) { Secret = SecretOf(authority), Renewed = certificate.Current };
    }

    /// <summary>Known to whoever has the certificate's key, and says nothing of it.</summary>
    private static byte[] SecretOf(X509Certificate2 certificate)
    {
        using ECDsa? key = certificate.GetECDsaPrivateKey();
        if (key is null)
        {
            throw new CommandFailure("the member's key is not ECDSA", "make one with P-256");
        }

        byte[] material = key.ExportParameters(includePrivateParameters: true).D!;
        byte[] secret = HKDF.DeriveKey(HashAlgorithmName.SHA256, material, 32, info: "continuum directory"u8.ToArray());
        CryptographicOperations.ZeroMemory(material);
        return secret;
    }

    /// <summary>The authority whose members make up the federation, with its key.</summary>
    public X509Certificate2 FederationAuthority() => Authority(FederationCaKeyFile, FederationCaFile, "Continuum federation");

    private X509Certificate2 Authority(string keyFile, string publicFile, string name)
    {
        string keyPath = In(keyFile), publicPath = In(publicFile);
        X509Certificate2? authority = File.Exists(keyPath) ? PemFile.ReadPair(keyPath) : null;
        if (authority is null || authority.NotAfter.ToUniversalTime() - _time.GetUtcNow().UtcDateTime < TimeSpan.FromDays(30))
        {
            authority?.Dispose();
            authority = Certificates.MakeAuthority(name, _time.GetUtcNow());
            PemFile.WritePair(keyPath, authority);
        }

        // The public half is a copy for others (curl --cacert): it follows whatever the key file says.
        string pem = authority.ExportCertificatePem() + "\n";
        if (!File.Exists(publicPath) || File.ReadAllText(publicPath) != pem)
        {
            PemFile.Write(publicPath, pem, isSecret: false);
        }

        return authority;
    }

    private static X509Certificate2 Public(X509Certificate2 certificate) => X509CertificateLoader.LoadCertificate(certificate.RawData);

    private string In(string file) => System.IO.Path.Combine(Path, file);

    /// <summary>Does something while no other process changes this directory.</summary>
    public T Guarded<T>(Func<T> make)
    {
        try
        {
            using FileLock held = FileLock.Take(In(LockName));
            return make();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure($"the data directory {Path} cannot be used ({e.Message.TrimEnd('.')})", "check its owner and permissions, or set CONTINUUM_HOME");
        }
    }
}
