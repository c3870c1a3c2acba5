namespace Net.Migration.Envelope;

/// <summary>The kinds of entries of an image's byte stream (<see cref="ImageWriter"/>).</summary>
internal enum ImageEntry
{
    Set = 0,
    RemoveSection = 1,
    RemoveConnection = 2,
    Version = 3,
}
