using Net.Core.Wire;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Tests.Scenarios.Machines;

/// <summary>A `continuum checkpoint` or `continuum rollback` that waits for its answer.</summary>
internal sealed class CheckpointCommand : IControlPeer
{
    public CheckpointReport? Report { get; private set; }

    public bool IsOver => Report is not null;

    public string Name => "command";

    public UdpAddress DataAddress => default;

    public void Send(LinkMessage message) => Report = (message as CheckpointReplyMessage)?.Report ?? Report;

    public void Close()
    {
    }
}
