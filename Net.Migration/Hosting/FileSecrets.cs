using System.Text;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Keys and roster in the state directory of an ingress that is the only one. Call it while the directory's log is locked.</summary>
/// <remarks>The keys are written first: after a crash between the two they rotate once more, which costs nothing but a number.</remarks>
internal sealed class FileSecrets : IFederationSecrets
{
    private readonly string _keysFile;
    private readonly string _rosterFile;

    /// <exception cref="DirectoryLogException">The keys are damaged.</exception>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    public FileSecrets(string directory)
    {
        (_keysFile, _rosterFile) = (Path.Combine(directory, "federation-keys"), Path.Combine(directory, "federation-trust"));
        Keys = IngressKeys.LoadOrCreate(_keysFile);
        if (File.Exists(_rosterFile))
        {
            Roster = new FileInfo(_rosterFile).Length <= Hosting.Roster.MaxLength ? File.ReadAllText(_rosterFile, Encoding.ASCII) : "";
        }
    }

    public FederationKeys Keys { get; private set; }

    public string? Roster { get; private set; }

    public void Store(FederationKeys keys, string? roster)
    {
        if (!keys.Equals(Keys))
        {
            IngressKeys.Store(_keysFile, keys);
            Keys = keys;
        }

        if (roster is not null && roster != Roster)
        {
            StateFiles.WriteWhole(_rosterFile, Encoding.ASCII.GetBytes(roster));
            Roster = roster;
        }
    }
}
