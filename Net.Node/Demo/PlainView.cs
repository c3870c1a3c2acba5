using System.Globalization;
using Net.Node.Cli;
using Net.Node.Commands;

namespace Net.Node.Demo;

/// <summary>A line per event, for files and pipes.</summary>
internal sealed class PlainView(CommandOutput output) : IDemoView
{
    public void OnBytes(long offset)
    {
        // A line per piece would say nothing.
    }

    public void OnMoveBegun(int number, string from, string to) => output.Debug($"move {number} from {from} to {to} begins");

    public void OnMoveEnded(int number, DemoMove move) => output.Info(move.Report.Moved
        ? string.Create(CultureInfo.InvariantCulture, $"move {number} at byte {move.AtByte}: {ControlCommands.Describe(move.Report)}")
        : $"move {number} at byte {move.AtByte} failed: {ControlCommands.Explain(move.Report)}");

    public void OnRollBack(int number, DemoRollBack back) => output.Info(back.Report.Code == Net.Migration.Link.MigrateCode.None
        ? string.Create(CultureInfo.InvariantCulture, $"roll-back {number} at byte {back.AtByte}: {CheckpointCommands.Describe(back.Report)}")
        : $"roll-back {number} at byte {back.AtByte} failed: {CheckpointCommands.Explain(back.Report)}");
}
