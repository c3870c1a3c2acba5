using Net.Core.Snapshots;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Tests.Core.Connections;

namespace Net.Tests.Migration.Hosting;

/// <summary>What a move has room for.</summary>
[TestClass]
public sealed class ComponentExportTests
{
    /// <summary>Goal: a copy ahead takes nothing of the room of what completes it, which is written when the copy has left; within each, what is beyond the limit stays.</summary>
    [TestMethod]
    public void Each_phase_has_its_own_room()
    {
        ConnectionPair pair = ConnectionPair.Confirmed(), other = ConnectionPair.Confirmed(seed: 6);
        byte[] key = new byte[SnapshotBinding.KeyLength];
        using ComponentExport export = new(new("web", 1, 1, new("a", 1), new("b", 1), 1), key, new() { MaxBytes = Export(pair).Length + 10 });
        export.OnAhead(pair.Server, 1, Export(pair));
        Assert.AreEqual(1ul, export.Since(pair.Server));
        export.OnAhead(other.Server, 1, Export(other));
        Assert.AreEqual(0ul, export.Since(other.Server), "no room ahead: it travels whole, at the end");
        Assert.IsTrue(export.OnFinal(pair.Server, Export(pair)));
        Assert.IsFalse(export.OnFinal(other.Server, Export(other)));
    }

    private static SnapshotWriter Export(ConnectionPair pair)
    {
        SnapshotWriter writer = new(pair.Now);
        pair.Server.Copy(writer, []);
        return writer;
    }
}
