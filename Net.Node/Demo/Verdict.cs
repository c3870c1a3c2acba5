using Net.Migration.Link;
using Net.Node.Commands;

namespace Net.Node.Demo;

/// <summary>Judges a demo. Each way to fail has its reason; none is a matter of opinion.</summary>
internal static class Verdict
{
    public const string Pass = "pass", Fail = "fail";

    public static DemoJson Of(string scenario, DemoFacts facts)
    {
        List<string> reasons = Reasons(facts);
        return new(scenario, facts.Bytes, facts.Sha256Ok, facts.Connections, facts.Handshakes,
            [.. facts.Moves.Where(move => move.Report.Moved).Select(Json)], reasons.Count == 0 ? Pass : Fail, reasons)
        {
            Rollbacks = facts.RollBacks is null ? null
                : [.. facts.RollBacks.Where(back => back.Report.Code == MigrateCode.None)
                    .Select(back => new DemoRollBackJson(back.Report.Owner, back.Report.Number, back.Report.Reset, back.AtByte))],
        };
    }

    private static MoveJson Json(DemoMove move) => new(
        move.Report.From, move.Report.To, move.Report.Epoch, MigrateJson.Microseconds(move.Report.Freeze), move.Report.StateBytes, move.AtByte);

    private static List<string> Reasons(DemoFacts facts)
    {
        List<string> reasons = [];
        Check(reasons, facts.Broken is null, facts.Broken ?? "");
        Check(reasons, facts.Bytes == facts.Size, $"{facts.Bytes} bytes came, not {facts.Size}");
        Check(reasons, facts.Sha256Ok, "the bytes are not the right ones");
        Check(reasons, facts.Connections == 1, $"the client opened {facts.Connections} connections, not 1");
        Check(reasons, facts.Handshakes == 1, $"the nodes completed {facts.Handshakes} handshakes, not 1");
        int moved = facts.Moves.Count(move => move.Report.Moved);
        Check(reasons, moved == facts.Asked, $"{moved} moves were made, not {facts.Asked}");
        if (facts.RollBacks is { } backs)
        {
            AddReasons(reasons, backs, facts.Asked);
        }

        long lastByte = -1;
        ulong lastEpoch = 0;
        for (int i = 0; i < facts.Moves.Count; i++)
        {
            DemoMove move = facts.Moves[i];
            string name = $"move {i + 1} to {move.Report.To}";
            if (!move.Report.Moved)
            {
                reasons.Add(move.Report.Code == MigrateCode.None ? $"{name} had nothing to do" : $"{name} failed: {move.Report.Message}");
                continue;
            }

            Check(reasons, move.Owner == move.Report.To && move.Epoch == move.Report.Epoch,
                $"{name} at epoch {move.Report.Epoch} is not in the directory, which has {move.Owner} at epoch {move.Epoch}");
            Check(reasons, move.Report.Epoch > lastEpoch, $"{name} did not raise the epoch");
            Check(reasons, move.AtByte > lastByte && move.AtByte < facts.Size, $"{name} was not committed inside the download, but at byte {move.AtByte}");
            (lastByte, lastEpoch) = (move.AtByte, move.Report.Epoch);
        }

        return reasons;
    }

    private static void AddReasons(List<string> reasons, IReadOnlyList<DemoRollBack> backs, int asked)
    {
        Check(reasons, backs.Count == asked, $"{backs.Count} roll-backs were made, not {asked}");
        for (int i = 0; i < backs.Count; i++)
        {
            DemoRollBack back = backs[i];
            string name = $"roll-back {i + 1}";
            if (back.Report.Code != MigrateCode.None)
            {
                reasons.Add($"{name} failed: {back.Report.Message}");
                continue;
            }

            Check(reasons, back.Report.Number == back.Wanted, $"{name} went to checkpoint {back.Report.Number}, not {back.Wanted}");
            Check(reasons, back.WasCut && back.Report.Reset > 0, $"{name} did not reset the download that had begun since");
            Check(reasons, back.Seen == back.Kept, $"after {name} a new request saw '{back.Seen}', not '{back.Kept}'");
        }
    }

    private static void Check(List<string> reasons, bool holds, string otherwise)
    {
        if (!holds)
        {
            reasons.Add(otherwise);
        }
    }
}
