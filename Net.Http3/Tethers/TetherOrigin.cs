using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Http3.Tethers;

/// <summary>The node on which a tethered handler runs: one life of it, and where it is reached.</summary>
/// <param name="Name">Of the node.</param>
/// <param name="Incarnation">Of that life: a process that has got its name and address later runs no handler of it.</param>
/// <param name="Link">Where it takes links.</param>
internal readonly record struct TetherOrigin(string Name, ulong Incarnation, UdpAddress Link)
{
    public void Export(SnapshotWriter writer)
    {
        writer.WriteString(Name);
        writer.WriteNumber(Incarnation);
        writer.WriteAddress(Link);
    }

    /// <exception cref="SnapshotException">No node is called like this.</exception>
    public static TetherOrigin Import(SnapshotReader reader)
    {
        TetherOrigin origin = new(reader.ReadString(), reader.ReadNumber(), reader.ReadAddress());
        return origin.Name.Length is > 0 and <= TetherLimits.MaxName ? origin : throw new SnapshotException("a tether leads to a node without a name");
    }
}
