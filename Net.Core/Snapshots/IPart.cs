namespace Net.Core.Snapshots;

/// <summary>A small owner of some of a connection's state that can write itself down and be read back elsewhere.</summary>
/// <remarks>
/// A part is made of values: it holds no delegate, no task, no neighbour and no clock, so nothing in it ties it to a process.
/// Its fields and the two methods that write and read them stand in one file, and nowhere is there a second list of them.
/// </remarks>
internal interface IPart<TSelf> where TSelf : IPart<TSelf>
{
    /// <summary>A number of <see cref="SectionNumber"/>.</summary>
    static abstract ulong Section { get; }

    /// <summary>Grows with every change of any field that travels: a copy made ahead is completed by the parts whose count has moved.</summary>
    ulong Changes { get; }

    /// <summary>Writes every field that travels.</summary>
    void Export(SnapshotWriter writer);

    /// <summary>Reads what <see cref="Export"/> wrote and checks every invariant.</summary>
    /// <exception cref="SnapshotException">The fields are cut short or contradict each other.</exception>
    static abstract TSelf Import(SnapshotReader reader);
}
