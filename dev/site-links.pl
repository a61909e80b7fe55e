#!/usr/bin/env perl
# Checks the pages of a site: links between them lead to existing files and anchors, and nothing is loaded from elsewhere.
#   dev/site-links.pl FOLDER
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Find qw(find);

my ($site) = @ARGV;
my ($failed, $checked) = (0, 0);

sub report {
    my ($page, $message) = @_;
    print "$page: $message\n";
    $failed = 1;
}

sub content {
    my ($file) = @_;
    open my $input, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$input>;
}

my %anchors;
sub anchors {
    my ($file) = @_;
    return $anchors{$file} //= do { my %found = map { $_ => 1 } content($file) =~ /\s(?:id|name)="([^"]+)"/g; \%found };
}

my @pages;
find({ wanted => sub { push @pages, $File::Find::name if /\.html$/ }, no_chdir => 1 }, $site);
for my $page (@pages) {
    my $text = content($page);
    # Scripts and examples contain text that looks like links.
    $text =~ s{<script\b([^>]*)>.*?</script>}{<script$1>}gs;
    while ($text =~ m{<(\w+)\b[^>]*?\s(href|src)="([^"]*)"}g) {
        my ($element, $link) = ($1, $3);
        $checked++;
        if ($link =~ m{^(?:[a-z]+:|//)}) {
            report($page, "loads $link from elsewhere") if $element ne 'a' && $link !~ /^data:/;
            next;
        }
        my ($path, $anchor) = split /#/, $link, 2;
        # The page for unknown addresses has links for the root of a server.
        my $folder = $path =~ m{^/} ? $site : dirname($page);
        my $target = $path eq '' ? $page : "$folder/$path";
        $target .= '/index.html' if -d $target;
        if (!-f $target) { report($page, "no file $link") }
        elsif (defined $anchor && $anchor ne '' && $target =~ /\.html$/ && !anchors($target)->{$anchor}) {
            report($page, "no anchor $link");
        }
    }
    report($page, 'loads a style from elsewhere') if $text =~ m{url\(\s*["']?(?:https?:)?//};
}
find({ wanted => sub { report($_, 'loads from elsewhere') if /\.css$/ && content($_) =~ m{url\(\s*["']?(?:https?:)?//|\@import} }, no_chdir => 1 }, $site);
print scalar(@pages), " pages, $checked links\n";
exit $failed;
