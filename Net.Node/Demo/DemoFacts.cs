using Net.Migration.Link;

namespace Net.Node.Demo;

/// <summary>One move as it was reported, as the client saw it, and as the directory has it.</summary>
/// <param name="Report">The answer to the command.</param>
/// <param name="AtByte">The client's offset when it came.</param>
/// <param name="Owner">According to the directory, asked afterwards.</param>
/// <param name="Epoch">According to the directory, asked afterwards.</param>
internal sealed record DemoMove(MigrateReport Report, long AtByte, string Owner, ulong Epoch);

/// <summary>Everything that was counted in a demo; what it means is the <see cref="Verdict"/>'s.</summary>
/// <param name="Size">Bytes asked for.</param>
/// <param name="Asked">Moves asked for.</param>
/// <param name="Bytes">That came.</param>
/// <param name="Sha256Ok">They are the right ones, all of them and no more.</param>
/// <param name="Connections">That the client opened.</param>
/// <param name="Handshakes">Completed at all nodes.</param>
/// <param name="Moves">In order, failed ones included.</param>
/// <param name="Broken">Why the download ended early; <c>null</c>: it did not.</param>
internal sealed record DemoFacts(
    long Size, int Asked, long Bytes, bool Sha256Ok, int Connections, int Handshakes, IReadOnlyList<DemoMove> Moves, string? Broken)
{
    /// <summary>In order, failed ones included; <c>null</c>: the scenario has none.</summary>
    public IReadOnlyList<DemoRollBack>? RollBacks { get; init; }
}

/// <summary>One roll-back as it was reported, and as the client saw it.</summary>
/// <param name="Report">The answer to the command.</param>
/// <param name="Wanted">The checkpoint that was asked for.</param>
/// <param name="WasCut">A download that had begun after the checkpoint ended with a reset.</param>
/// <param name="Seen">The component's value, as a new request over the same connection saw it.</param>
/// <param name="Kept">What it was at the checkpoint.</param>
/// <param name="AtByte">Of the downloads so far.</param>
internal sealed record DemoRollBack(CheckpointReport Report, ulong Wanted, bool WasCut, string Seen, string Kept, long AtByte);
