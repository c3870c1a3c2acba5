namespace Net.Tests.Fuzz;

/// <summary>Something that parses, or lives on, what a stranger made. It fails by an exception: of the product, or of an assertion about what came out.</summary>
/// <param name="Name">As <c>fuzz/run</c> knows it.</param>
/// <param name="What">What the bytes are to it.</param>
/// <param name="Seeds">Inputs that real code made, or that were written for it: where mutation begins. The same each time.</param>
/// <param name="Run">Takes one input of any length and content. It keeps nothing from one call to the next.</param>
internal sealed record FuzzTarget(string Name, string What, Func<IEnumerable<byte[]>> Seeds, Action<byte[]> Run)
{
    /// <summary>Every target, in the order of the layers.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
        [.. WireTargets.All, .. TlsTargets.All, .. ConnectionTargets.All, .. Http3Targets.All, .. SnapshotTargets.All, .. LinkTargets.All];

    public override string ToString() => Name;
}
