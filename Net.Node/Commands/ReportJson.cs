using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Net.Migration.Link;

namespace Net.Node.Commands;

/// <summary>`migrate --json`.</summary>
internal sealed record MigrateJson(
    string Component, string From, string To, ulong Epoch, bool Moved, uint Connections, uint Abandoned, long FreezeUs, ulong StateBytes, ErrorJson? Error)
{
    public static MigrateJson Of(MigrateReport report) => new(
        report.Component, report.From, report.To, report.Epoch, report.Moved, report.Connections, report.Abandoned,
        Microseconds(report.Freeze), report.StateBytes, report.CodeName is string code ? new(code, report.Message) : null);

    /// <summary>Rounded up: a freeze is never shown shorter than it was.</summary>
    public static long Microseconds(TimeSpan time) => (time.Ticks + TimeSpan.TicksPerMicrosecond - 1) / TimeSpan.TicksPerMicrosecond;
}

/// <summary>Why a move failed.</summary>
internal sealed record ErrorJson(string Code, string Message);

/// <summary>`drain --json`.</summary>
/// <param name="Node">As typed.</param>
/// <param name="Drained">Nothing is there any more, or with `--cancel`: it is a host like any other again.</param>
/// <param name="Moves">Every move that was tried.</param>
/// <param name="Remaining">What is still there.</param>
/// <param name="Error">Why.</param>
internal sealed record DrainJson(string Node, bool Drained, IReadOnlyList<MigrateJson> Moves, IReadOnlyList<string> Remaining, ErrorJson? Error)
{
    public static DrainJson Of(DrainReport report) => new(
        report.Node, report.Code == MigrateCode.None, [.. report.Moves.Select(MigrateJson.Of)], report.Remaining,
        MigrateReport.NameOf(report.Code) is string code ? new(code, report.Message) : null);
}

/// <summary>`status --json`.</summary>
internal sealed record StatusJson(string Ingress, IReadOnlyList<ComponentJson> Components, IReadOnlyList<NodeJson> Nodes)
{
    public static StatusJson Of(StatusReplyMessage status) => new(
        status.Ingress.ToString(),
        [.. status.Components.Select(component => new ComponentJson(
            component.Record.Component, component.Record.Owner.Name, component.Record.Epoch, component.Record.Shard, component.Connections,
            component.Load.Checkpoints, component.Load.NewestCheckpoint))],
        [.. status.Nodes.Select(node => new NodeJson(node.Node.Member.Name, node.Node.Link.ToString(), node.IsAlive, [.. node.Node.Hosts.Select(host => host.Component)]))]);
}

/// <summary>Who owns a component.</summary>
/// <param name="Name">Of the record.</param>
/// <param name="Owner">Who serves it.</param>
/// <param name="Epoch">Under which.</param>
/// <param name="Shard">Of its connection IDs.</param>
/// <param name="Connections">That are open.</param>
/// <param name="Checkpoints">That it can go back to.</param>
/// <param name="NewestCheckpoint">Its number; 0: there is none.</param>
internal sealed record ComponentJson(string Name, string Owner, ulong Epoch, uint Shard, uint Connections, uint Checkpoints, ulong NewestCheckpoint);

/// <summary>A member.</summary>
/// <param name="Name">As started.</param>
/// <param name="Address">Of its links.</param>
/// <param name="Alive">Its link to the ingress is up.</param>
/// <param name="Hosts">Components that it can host.</param>
internal sealed record NodeJson(string Name, string Address, bool Alive, IReadOnlyList<string> Hosts);

/// <summary>`demo --json`.</summary>
internal sealed record DemoJson(
    string Scenario, long Bytes, bool Sha256Ok, int Connections, int Handshakes, IReadOnlyList<MoveJson> Moves, string Verdict, IReadOnlyList<string> Reasons)
{
    /// <summary>Of the scenario `rollback` alone.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<DemoRollBackJson>? Rollbacks { get; init; }
}

/// <summary>One roll-back of a demo.</summary>
/// <param name="Node">Where the component was.</param>
/// <param name="Checkpoint">To which it went back.</param>
/// <param name="Reset">Requests that were reset, by the node's count.</param>
/// <param name="AtByte">Of the downloads so far.</param>
internal sealed record DemoRollBackJson(string Node, ulong Checkpoint, uint Reset, long AtByte);

/// <summary>One move of a demo.</summary>
internal sealed record MoveJson(string From, string To, ulong Epoch, long FreezeUs, ulong StateBytes, long AtByte);

/// <summary>`get --json`.</summary>
/// <param name="Url">Of the last response, behind redirects.</param>
/// <param name="Status">0: no response came.</param>
/// <param name="Bytes">Of the body that arrived.</param>
/// <param name="ConnectUs">From the start to the end of the handshake; <c>null</c>: it never ended.</param>
/// <param name="FirstByteUs">From the start to the response's head.</param>
/// <param name="TotalUs">From the start to the end, whatever that was.</param>
/// <param name="BytesPerSecond">Of the body, from the response's head to its end.</param>
/// <param name="File">Where the body is; <c>null</c>: nowhere.</param>
internal sealed record GetJson(
    string Url, string Method, int Status, long Bytes, long? ContentLength, long? ConnectUs, long? FirstByteUs, long TotalUs, long BytesPerSecond,
    string? File, IReadOnlyDictionary<string, string> Headers, ErrorJson? Error);

/// <summary>JSON of the commands, without reflection, on one line.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(MigrateJson))]
[JsonSerializable(typeof(DrainJson))]
[JsonSerializable(typeof(CheckpointJson))]
[JsonSerializable(typeof(RollBackJson))]
[JsonSerializable(typeof(TopJson))]
[JsonSerializable(typeof(StatusJson))]
[JsonSerializable(typeof(DemoJson))]
[JsonSerializable(typeof(GetJson))]
[JsonSerializable(typeof(RosterJson))]
internal sealed partial class ReportJson : JsonSerializerContext
{
    /// <summary>Quotes and angle brackets as they are: this goes to a file or a pipe, never into HTML.</summary>
    private static readonly ReportJson s_plain = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    public static string Write(RosterJson value) => JsonSerializer.Serialize(value, s_plain.RosterJson);

    public static string Write(MigrateJson value) => JsonSerializer.Serialize(value, s_plain.MigrateJson);

    public static string Write(DrainJson value) => JsonSerializer.Serialize(value, s_plain.DrainJson);

    public static string Write(CheckpointJson value) => JsonSerializer.Serialize(value, s_plain.CheckpointJson);

    public static string Write(RollBackJson value) => JsonSerializer.Serialize(value, s_plain.RollBackJson);

    public static string Write(TopJson value) => JsonSerializer.Serialize(value, s_plain.TopJson);

    public static string Write(StatusJson value) => JsonSerializer.Serialize(value, s_plain.StatusJson);

    public static string Write(GetJson value) => JsonSerializer.Serialize(value, s_plain.GetJson);

    public static string Write(DemoJson value) => JsonSerializer.Serialize(value, s_plain.DemoJson);
}
