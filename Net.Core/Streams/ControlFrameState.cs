namespace Net.Core.Streams;

/// <summary>A value to be delivered once, reliably: RESET_STREAM, STOP_SENDING.</summary>
internal enum ControlFrameState : byte
{
    None,
    Pending,
    InFlight,
    Acknowledged,
}
