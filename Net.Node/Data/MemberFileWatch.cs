using System.Security.Cryptography.X509Certificates;
using Net.Migration.Hosting;
using Net.Node.Cli;

namespace Net.Node.Data;

/// <summary>A member's certificate as its file has it now: `continuum trust add` renews it, and a process that runs takes the new one.</summary>
/// <param name="path">With the key.</param>
/// <param name="first">As it was read at the start.</param>
/// <param name="authority">Who has to have issued what is taken.</param>
/// <param name="time">The wall clock.</param>
internal sealed class MemberFileWatch(string path, X509Certificate2 first, X509Certificate2 authority, TimeProvider time)
{
    private readonly Lock _lock = new();
    private X509Certificate2 _current = first;

    /// <summary>Of the file as it was read last; none at first, so that a renewal just after the start is not missed.</summary>
    private (DateTime Written, long Length) _read;

    /// <summary>From any thread. One object until the file changes.</summary>
    /// <exception cref="CommandFailure">The file has changed, and what is there now cannot be used; the next call looks again.</exception>
    public X509Certificate2 Current()
    {
        lock (_lock)
        {
            FileInfo file = new(path);
            if (!file.Exists || (file.LastWriteTimeUtc, file.Length) == _read)
            {
                return _current;
            }

            (DateTime Written, long Length) found = (file.LastWriteTimeUtc, file.Length);
            X509Certificate2 present = PemFile.ReadPair(path);
            if (present.Thumbprint == _current.Thumbprint)
            {
                present.Dispose();
            }
            else
            {
                Check(path, present, authority, Name(_current), time.GetUtcNow());
                _current = present;
            }

            // Only now: what cannot be read, or is not valid yet, may be the next time, without another change of the file.
            _read = found;
            return _current;
        }
    }

    /// <exception cref="CommandFailure">Nobody would take it.</exception>
    public static void Check(string path, X509Certificate2 certificate, X509Certificate2 authority, string name, DateTimeOffset now)
    {
        if (!Certificates.IsIssuedBy(certificate, authority))
        {
            throw new CommandFailure($"{path} was not issued by the authority beside it", $"issue it with the key of {DataDirectory.FederationCaFile}");
        }

        if (Certificates.WhyNot(certificate, now) is { } reason)
        {
            throw new CommandFailure(
                $"the certificate in {path} {reason}", $"check this machine's clock; or renew it where the authority is (continuum trust add {name}), and copy its folder here again");
        }

        if (Certificates.WhyNot(authority, now) is { } end)
        {
            throw new CommandFailure(
                $"the authority's certificate beside {path} {end}", "check this machine's clock; or begin anew with another authority (continuum trust init)");
        }
    }

    private static string Name(X509Certificate2 certificate) => certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
}
