using System.Globalization;
using Spectre.Console;

namespace Net.Node.Demo;

/// <summary>A table that is redrawn on a terminal: moves, freeze times, bytes, and who serves.</summary>
internal sealed class LiveView(IAnsiConsole console, long size) : IDemoView
{
    private static readonly TimeSpan s_redraw = TimeSpan.FromMilliseconds(100);

    /// <summary>Rows shown; of many moves the last ones.</summary>
    private const int MaxRows = 12;

    private readonly Lock _lock = new();
    private readonly List<(int Number, string[] Cells)> _rows = [];
    private long _offset;
    private string _serving = "a";

    /// <summary>Draws while the work runs.</summary>
    public Task<T> RunAsync<T>(Func<Task<T>> work) => console.Live(Draw()).AutoClear(false).StartAsync(async context =>
    {
        Task<T> running = work();
        while (await Task.WhenAny(running, Task.Delay(s_redraw)).ConfigureAwait(false) != running)
        {
            context.UpdateTarget(Draw());
        }

        context.UpdateTarget(Draw());
        return await running.ConfigureAwait(false);
    });

    public void OnBytes(long offset) => Interlocked.Exchange(ref _offset, offset);

    public void OnMoveBegun(int number, string from, string to)
    {
        lock (_lock)
        {
            _rows.Add((number, [$"{number}", $"{from} -> {to}", "", "", "", "moving"]));
        }
    }

    public void OnMoveEnded(int number, DemoMove move)
    {
        lock (_lock)
        {
            _rows.RemoveAll(row => row.Number == number);
            _rows.Add((number,
            [
                $"{number}", $"{move.Report.From} -> {move.Report.To}", $"{move.Report.Epoch}",
                string.Create(CultureInfo.InvariantCulture, $"{move.Report.Freeze.TotalMilliseconds:0.0} ms"),
                string.Create(CultureInfo.InvariantCulture, $"{move.AtByte / 1048576.0:0.0} MiB"),
                move.Report.Moved ? "done" : move.Report.Message,
            ]));
            _serving = move.Owner;
        }
    }

    public void OnRollBack(int number, DemoRollBack back)
    {
        lock (_lock)
        {
            _rows.Add((0,
            [
                $"back {number}", back.Report.Owner, $"{back.Report.Epoch}", "",
                string.Create(CultureInfo.InvariantCulture, $"{back.AtByte / 1048576.0:0.0} MiB"),
                back.Report.Code == Net.Migration.Link.MigrateCode.None ? $"checkpoint {back.Report.Number}, {back.Report.Reset} reset" : back.Report.Message,
            ]));
        }
    }

    private Table Draw()
    {
        Table table = new Table().RoundedBorder().AddColumns("move", "from -> to", "epoch", "frozen", "at", "state");
        lock (_lock)
        {
            long offset = Interlocked.Read(ref _offset);
            table.Title(string.Create(CultureInfo.InvariantCulture,
                $"{offset / 1048576.0:0.0} of {size / 1048576.0:0.0} MiB ({(size == 0 ? 100 : offset * 100.0 / size):0} %), served by node {_serving}"));
            foreach ((_, string[] cells) in _rows.TakeLast(MaxRows))
            {
                table.AddRow([.. cells.Select(Markup.Escape)]);
            }
        }

        return table;
    }
}
