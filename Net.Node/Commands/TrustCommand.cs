using Net.Migration.Hosting;
using Net.Node.Cli;
using Net.Node.Data;

namespace Net.Node.Commands;

/// <summary>`continuum trust`.</summary>
internal sealed class TrustCommand(DataDirectory directory)
{
    private readonly TrustFolder _folder = new(directory);

    public int Run(TrustOptions options, CommandOutput output)
    {
        switch (options.Action)
        {
            case TrustAction.Init:
                _ = _folder.Init();
                output.Result($"{directory.Path} has a federation: add each node with continuum trust add NAME, and start processes with --trust");
                break;
            case TrustAction.Add:
                output.Result($"{options.Name} is a member: copy {_folder.Add(options.Name!)} to its machine, and give it there with --trust");
                break;
            case TrustAction.Remove:
                Roster after = _folder.Remove(options.Name!);
                output.Result($"{options.Name} is removed, and the federation's keys rotate: "
                    + $"ingresses that look here do so within seconds, others when they get {DataDirectory.RosterFile} (generation {after.Generation})");
                break;
            default:
                List(_folder.Read(), options.Json, output);
                break;
        }

        return ExitCode.Done;
    }

    private static void List(Roster roster, bool isJson, CommandOutput output)
    {
        if (isJson)
        {
            output.Result(ReportJson.Write(new RosterJson(
                roster.Generation, roster.Rotation, [.. roster.Entries.Select(entry => new RosterEntryJson(entry.Name, entry.Fingerprint, entry.IsRemoved))])));
            return;
        }

        output.Result($"generation {roster.Generation}, rotation {roster.Rotation}");
        foreach (RosterEntry entry in roster.Entries)
        {
            output.Result($"{(entry.IsRemoved ? "removed" : "member")} {entry.Name} {entry.Fingerprint}");
        }
    }
}

/// <summary>`trust list --json`.</summary>
internal sealed record RosterJson(ulong Generation, ulong Rotation, IReadOnlyList<RosterEntryJson> Members);

/// <param name="Fingerprint">SHA-256 of the certificate's public key.</param>
internal sealed record RosterEntryJson(string Name, string Fingerprint, bool Removed);
