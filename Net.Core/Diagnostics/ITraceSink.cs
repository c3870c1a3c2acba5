namespace Net.Core.Diagnostics;

/// <summary>Takes the records of one trace, in order.</summary>
/// <remarks>It does not throw: whoever runs out of space forgets the trace, never the connection.</remarks>
internal interface ITraceSink
{
    /// <param name="record">A whole record, not to be kept.</param>
    void Write(ReadOnlySpan<byte> record);

    /// <summary>No record follows.</summary>
    void End();
}
