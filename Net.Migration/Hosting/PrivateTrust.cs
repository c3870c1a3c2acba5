using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Net.Migration.Directory;

namespace Net.Migration.Hosting;

/// <summary>The federation of one server's processes: an authority whose key lies in their private directory, so that whoever can read that is a member.</summary>
internal sealed class PrivateTrust
{
    private const string FileName = "authority.pem";

    private readonly RenewedCertificate _ingress;
    private readonly RenewedCertificate _node;

    private PrivateTrust(X509Certificate2 authority, string name, TimeProvider time)
    {
        Name = name;
        Roots = [X509CertificateLoader.LoadCertificate(authority.RawData)];
        _ingress = Issue(Names.Ingress);
        _node = Issue(name);

        RenewedCertificate Issue(string member) =>
            new(Certificates.IssueMember(authority, member, time.GetUtcNow()), (key, now) => Certificates.IssueMember(authority, member, now, key), time);
    }

    /// <summary>Of this process's node.</summary>
    public string Name { get; }

    public X509Certificate2Collection Roots { get; }

    /// <summary>As it is now.</summary>
    public X509Certificate2 Ingress => _ingress.Current();

    /// <inheritdoc cref="Ingress"/>
    public X509Certificate2 Node => _node.Current();

    /// <summary>Reads the authority, or makes it for the first process.</summary>
    /// <param name="directory">Mode 0700.</param>
    /// <param name="name">Of the node.</param>
    /// <param name="time">The wall clock; null: the system's.</param>
    /// <exception cref="IOException">It cannot be read or written, or is damaged.</exception>
    public static PrivateTrust Open(string directory, string name, TimeProvider? time = null)
    {
        time ??= TimeProvider.System;
        string path = Path.Combine(directory, FileName);
        try
        {
            if (!File.Exists(path))
            {
                using X509Certificate2 made = Certificates.MakeAuthority("Continuum private", time.GetUtcNow());
                using ECDsa key = made.GetECDsaPrivateKey()!;
                Publish($"{path}.{name}", path, Encoding.ASCII.GetBytes($"{made.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n"));
            }

            // The file counts, not what was made: of two that start at once, both have the authority of the first.
            string text = File.ReadAllText(path, Encoding.ASCII);
            return new(X509Certificate2.CreateFromPem(text, text), name, time);
        }
        catch (Exception e) when (e is CryptographicException or UnauthorizedAccessException)
        {
            throw new IOException($"{path} cannot be used ({e.Message}): remove it when no process of this server runs", e);
        }
    }

    /// <summary>Gives a file its name, unless another process has been first: nobody may have read what is replaced.</summary>
    internal static void Publish(string draft, string path, byte[] content)
    {
        StateFiles.WriteWhole(draft, content);
        try
        {
            File.Move(draft, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(draft);
        }

        StateFiles.FlushDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }
}
