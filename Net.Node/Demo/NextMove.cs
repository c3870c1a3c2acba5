using Net.Migration.Link;

namespace Net.Node.Demo;

/// <summary>One move of a demo: from whoever has the component to the next in line.</summary>
internal static class NextMove
{
    /// <param name="number">1 for the first.</param>
    /// <param name="offset">The client's, when the answer has come.</param>
    public static async Task<DemoMove> MakeAsync(IDemoWorld world, IDemoView view, int number, Func<long> offset, CancellationToken cancellationToken)
    {
        (string from, _) = await world.OwnerAsync(cancellationToken).ConfigureAwait(false);
        int index = Enumerable.Range(0, world.Nodes.Count).FirstOrDefault(i => world.Nodes[i] == from, -1);
        string to = world.Nodes[(index + 1) % world.Nodes.Count];
        view.OnMoveBegun(number, from, to);
        MigrateReport report = await world.MoveAsync(to, cancellationToken).ConfigureAwait(false);
        long atByte = offset();
        (string owner, ulong epoch) = await world.OwnerAsync(cancellationToken).ConfigureAwait(false);
        DemoMove move = new(report, atByte, owner, epoch);
        view.OnMoveEnded(number, move);
        return move;
    }
}
