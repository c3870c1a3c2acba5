using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Net.Migration.Hosting;
using Net.Node.Cli;

namespace Net.Node.Data;

/// <summary>What `continuum trust` works on: the federation's authority with its key, who is a member, and a folder for each member.</summary>
/// <remarks>
/// <code>
/// federation-ca.pem        the authority, public
/// federation-ca-key.pem    with its key (0600): whoever has it makes members
/// federation-trust         the roster, signed; public
/// members/NAME/            (0700) copied to the machine of that member, and given there with --trust
///   federation-ca.pem, federation-trust
///   member.pem             the member's certificate with its key (0600)
/// </code>
/// Everything is made under the directory's lock. The roster is renamed into place last: a crash before leaves it as it was.
/// </remarks>
internal sealed class TrustFolder(DataDirectory directory)
{
    /// <summary>Common name of an ingress's certificate: all ingresses of a federation share it.</summary>
    public const string Ingress = "ingress";

    /// <summary>Common name of what `status`, `migrate`, `drain` and `top` show.</summary>
    public const string Asker = "command";

    private string File => Path.Combine(directory.Path, DataDirectory.RosterFile);

    /// <summary>Makes the authority if there is none, and the members that every federation has.</summary>
    /// <exception cref="CommandFailure">There is a roster already.</exception>
    public Roster Init() => directory.Guarded(() =>
    {
        if (System.IO.File.Exists(File))
        {
            throw new CommandFailure($"{directory.Path} has a federation already", "see it with continuum trust list");
        }

        using X509Certificate2 authority = directory.FederationAuthority();
        return Write(Roster.Sign(1, 0, [Issue(authority, Ingress), Issue(authority, Asker)], authority));
    });

    /// <exception cref="CommandFailure">There is no federation here, or its roster is not to be read.</exception>
    public Roster Read()
    {
        FileInfo file = new(File);
        if (!file.Exists)
        {
            throw new CommandFailure($"{directory.Path} has no list of members", "make one with continuum trust init");
        }

        X509Certificate2 authority = PemFile.ReadCertificate(Path.Combine(directory.Path, DataDirectory.FederationCaFile));
        return file.Length <= Roster.MaxLength && Roster.TryRead(System.IO.File.ReadAllText(File, Encoding.ASCII), [authority], out Roster? roster) ? roster
            : throw new CommandFailure($"{File} is not signed by the authority beside it", "restore both from one backup");
    }

    /// <summary>Issues a certificate: of a member that has its folder here, for the key that it has; else for a new one, beside which no former one is taken any more.</summary>
    /// <returns>The folder to copy.</returns>
    public string Add(string name) => directory.Guarded(() =>
    {
        Roster before = Read();
        if (before.Entries.Count >= Roster.MaxEntries && !before.Entries.Any(entry => entry.Name == name))
        {
            throw new CommandFailure($"the federation has {Roster.MaxEntries} names, which is the most", "use one of a node that was removed");
        }

        using X509Certificate2 authority = Authority();
        RosterEntry added = Issue(authority, name, isKept: name == Ingress);
        if (!before.Entries.Contains(added))
        {
            _ = Write(Roster.Sign(before.Generation + 1, before.Rotation, [.. before.Entries.Where(entry => entry.Name != name), added], authority));
        }

        return Folder(name);
    });

    /// <summary>Nobody speaks with it any more, and all keys of the federation rotate.</summary>
    public Roster Remove(string name) => directory.Guarded(() =>
    {
        Roster before = Read();
        if (name is Ingress or Asker)
        {
            throw new CommandFailure($"{name} is what no federation goes without", $"renew its certificate with continuum trust add {name}");
        }

        RosterEntry entry = before.Entries.FirstOrDefault(entry => entry.Name == name && !entry.IsRemoved)
            ?? throw new CommandFailure($"{name} is no member", "see the members with continuum trust list");
        using X509Certificate2 authority = Authority();
        RosterEntry[] entries = [.. before.Entries.Where(other => other.Name != name), entry with { IsRemoved = true }];
        Roster after = Write(Roster.Sign(before.Generation + 1, before.Rotation + 1, entries, authority));
        if (Directory.Exists(Folder(name)))
        {
            Directory.Delete(Folder(name), recursive: true);
        }

        return after;
    });

    private X509Certificate2 Authority() => PemFile.ReadPair(Path.Combine(directory.Path, DataDirectory.FederationCaKeyFile));

    private string Folder(string name) => Path.Combine(directory.Path, DataDirectory.MembersFolder, name);

    /// <param name="isKept">It has a key already, without which the federation would have to begin anew.</param>
    private RosterEntry Issue(X509Certificate2 authority, string name, bool isKept = false)
    {
        string folder = Folder(name);
        if (OperatingSystem.IsWindows())
        {
            _ = Directory.CreateDirectory(folder);
        }
        else
        {
            _ = Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        string file = Path.Combine(folder, DataDirectory.MemberFile);
        // The roster names keys, so a certificate that is renewed over the same one is nobody else's business.
        using X509Certificate2? former = PemFile.TryReadPair(file);
        using ECDsa? key = former?.GetECDsaPrivateKey();
        if (key is null && isKept)
        {
            throw new CommandFailure($"{file} is missing or damaged, and what ingresses share in etcd is sealed by that key", "restore it from a backup");
        }

        using X509Certificate2 issued = Certificates.IssueMember(authority, name, directory.Time.GetUtcNow(), key);
        PemFile.Write(Path.Combine(folder, DataDirectory.FederationCaFile), authority.ExportCertificatePem() + "\n", isSecret: false);
        PemFile.WritePair(file, issued);
        return new(name, Roster.FingerprintOf(issued), IsRemoved: false);
    }

    /// <summary>Beside the authority, where ingresses of this machine look, and into every folder that is still to be copied.</summary>
    private Roster Write(Roster roster)
    {
        foreach (RosterEntry entry in roster.Entries.Where(entry => Directory.Exists(Folder(entry.Name))))
        {
            PemFile.Write(Path.Combine(Folder(entry.Name), DataDirectory.RosterFile), roster.Text, isSecret: false);
        }

        PemFile.Write(File, roster.Text, isSecret: false);
        return roster;
    }
}
